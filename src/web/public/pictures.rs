//! `/pictures/{name}`: the pictures of emails. Their names are their hashes, so programs and networks keep them for
//! good.

use crate::{
    db::content::pictures,
    domain::content::made_picture::FileName,
    web::{
        AppError, Site,
        cached::{answer_forever, matches_tag},
    },
};
use axum::{
    extract::{Path, State},
    http::{HeaderMap, HeaderName},
    response::{IntoResponse, Response},
};

/// Lets pages of other origins show the picture, such as webmail.
const FOR_ALL_ORIGINS: (HeaderName, &str) =
    (HeaderName::from_static("cross-origin-resource-policy"), "cross-origin");

pub async fn get(
    State(site): State<Site>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Result<Response, AppError> {
    let name: FileName = name.parse().map_err(|_| AppError::NoPage)?;
    let tag = format!("\"{}\"", name.hash);
    let mut tx = site.actions.db.read().await?;
    let body = if matches_tag(&headers, &tag) {
        pictures::exists(&mut tx, &name).await?.then_some(None)
    } else {
        pictures::bytes(&mut tx, &name).await?.map(Some)
    };
    let body = body.ok_or(AppError::NoPage)?;
    Ok(([FOR_ALL_ORIGINS], answer_forever(&tag, name.format.media_type(), body)).into_response())
}
