//! Receives a list as `multipart/form-data`, which is the only form that carries files without scripts.

use super::super::{
    Admin,
    desk::{Answer, Desk, Flash, Refused},
    forms::{CSRF_FIELD, is_same_site},
    words::sentence,
};
use crate::{
    actions::subscription::uploaded_list::{MAX_FILE_BYTES, Upload, UploadError},
    domain::operator::role::Permission,
};
use axum::{
    extract::{FromRequestParts as _, Request, State},
    http::header,
    response::{IntoResponse as _, Redirect},
};
use multer::{Constraints, Field, Multipart, SizeLimit};

/// Most bytes that are read of a file that is too large, so that its browser gets an answer.
const MOST_READ: u64 = 8 * MAX_FILE_BYTES;
const MAX_CSRF_BYTES: u64 = 256;

pub async fn post(State(admin): State<Admin>, request: Request) -> Answer {
    let (mut parts, body) = request.into_parts();
    let desk = Desk::from_request_parts(&mut parts, &admin).await?;
    desk.require(Permission::ChangeReaders)?;
    let content_type = parts.headers.get(header::CONTENT_TYPE).and_then(|it| it.to_str().ok());
    let boundary = multer::parse_boundary(content_type.unwrap_or_default()).map_err(|_| Refused::Form)?;
    let limits = SizeLimit::new().whole_stream(MOST_READ).for_field(CSRF_FIELD, MAX_CSRF_BYTES);
    let mut form =
        Multipart::with_constraints(body.into_data_stream(), boundary, Constraints::new().size_limit(limits));
    // The token comes before the file, so that nothing is stored for others.
    let token = match form.next_field().await.map_err(unreadable)? {
        Some(field) if field.name() == Some(CSRF_FIELD) => field.text().await.map_err(unreadable)?,
        _ => return Err(Refused::Form),
    };
    if !is_same_site(&parts.headers) || !desk.is_csrf(&token) {
        return Err(Refused::Form);
    }
    let file = match form.next_field().await.map_err(unreadable)? {
        Some(field) if field.name() == Some("list") => field,
        _ => return Err(Refused::Failed("The form has no file.".into())),
    };
    match receive(&desk, file).await? {
        Ok(path) => Ok(Redirect::to(&path).into_response()),
        Err(problem) => {
            desk.done(&desk.path("import"), Flash::alarm("Not uploaded.", format!("{}.", sentence(&problem))))
                .await
        }
    }
}

/// Stores a file. Returns the path of its page, or why it isn't stored.
async fn receive(desk: &Desk, mut file: Field<'_>) -> Result<Result<String, String>, Refused> {
    let name = file.file_name().unwrap_or("list.csv").to_owned();
    let mut upload = Upload::begin(desk.admin.actions(), &desk.actor(), desk.record().id, &name).await?;
    loop {
        let chunk = match file.chunk().await {
            Ok(Some(chunk)) => chunk,
            Ok(None) => break,
            Err(error) => {
                upload.abandon().await?;
                return Err(unreadable(error));
            }
        };
        match upload.write(&chunk).await {
            Ok(()) => {}
            Err(UploadError::Db(error)) => return Err(error.into()),
            Err(problem) => {
                upload.abandon().await?;
                while let Ok(Some(_)) = file.chunk().await {}
                return Ok(Err(problem.to_string()));
            }
        }
    }
    match upload.finish().await {
        Ok(id) => Ok(Ok(desk.path(&format!("import/{id}")))),
        Err(UploadError::Db(error)) => Err(error.into()),
        Err(problem) => Ok(Err(problem.to_string())),
    }
}

fn unreadable(_: multer::Error) -> Refused {
    Refused::Failed("The upload was cut off, or its form can’t be read. Nothing was stored.".into())
}
