//! The style of a newsletter: its colours and typeface as a small style sheet of tokens, and its icon.
//!
//! Both are made from their own address, so serving them needs no database. The address changes with the brand
//! and with the rules, so browsers may keep them forever.

use crate::{
    domain::{
        newsletter::Newsletter,
        theme::{Colour, Fonts, Theme},
    },
    web::{AppError, cached},
};
use axum::{
    extract::Path,
    http::{HeaderMap, header},
    response::{IntoResponse, Redirect, Response},
};
use email_templates::colour::{DEFAULT_ACCENT, Palette, css};
use maud::{Markup, html};
use std::{fmt::Write as _, sync::LazyLock};

/// Changes when any style sheet made here changes.
static VERSION: LazyLock<String> = LazyLock::new(|| {
    let sample = [Fonts::Serif, Fonts::Sans].map(|fonts| style_sheet(Colour([0x12, 0x80, 0xee]), fonts));
    cached::short_hash(sample.concat().as_bytes())
});

/// Renders the links to a newsletter's style sheet and icon.
pub fn head(newsletter: &Newsletter) -> Markup {
    let accent = accent(&newsletter.theme);
    html! {
        meta name="theme-color" content=(accent);
        link rel="stylesheet" href=(style_path(&newsletter.theme));
        link rel="icon" href=(icon_path(newsletter)) type="image/svg+xml";
    }
}

fn accent(theme: &Theme) -> Colour {
    theme.accent.unwrap_or(Colour(DEFAULT_ACCENT))
}

/// Returns the path of the sheet, such as `/assets/brand/0a6048-serif-HASH.css`.
fn style_path(theme: &Theme) -> String {
    let accent = accent(theme).to_string();
    format!("/assets/brand/{}-{}-{}.css", accent.trim_start_matches('#'), theme.fonts, *VERSION)
}

/// Returns the path of the icon, such as `/assets/icon/0a6048-D.svg`.
pub fn icon_path(newsletter: &Newsletter) -> String {
    let accent = accent(&newsletter.theme).to_string();
    let letter = newsletter.title.chars().find(char::is_ascii_alphanumeric).unwrap_or('D');
    format!("/assets/icon/{}-{}.svg", accent.trim_start_matches('#'), letter.to_ascii_uppercase())
}

/// Serves a style sheet.
pub async fn style(Path(file): Path<String>, headers: HeaderMap) -> Result<Response, AppError> {
    let mut parts = file.strip_suffix(".css").ok_or(AppError::NoPage)?.split('-');
    let (Some(accent), Some(fonts), Some(_)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(AppError::NoPage);
    };
    let accent = Colour::parse(accent).ok_or(AppError::NoPage)?;
    let fonts: Fonts = fonts.parse().map_err(|_| AppError::NoPage)?;
    let is_current = file.ends_with(&format!("-{}.css", *VERSION));
    let sheet = style_sheet(accent, fonts);
    Ok(cached::answer_versioned(&headers, "text/css; charset=utf-8", sheet, is_current))
}

/// Serves an icon: the first letter of the title on the accent.
pub async fn icon(Path(file): Path<String>, headers: HeaderMap) -> Result<Response, AppError> {
    let (accent, letter) =
        file.strip_suffix(".svg").and_then(|name| name.split_once('-')).ok_or(AppError::NoPage)?;
    let Colour(accent) = Colour::parse(accent).ok_or(AppError::NoPage)?;
    if letter.len() != 1 || !letter.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Err(AppError::NoPage);
    }
    let palette = Palette::light(accent);
    let svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 32 32\"><rect width=\"32\" height=\"32\" rx=\"6\" \
         fill=\"{}\"/><text x=\"16\" y=\"23\" font-family=\"Georgia,serif\" font-size=\"21\" font-weight=\"700\" \
         text-anchor=\"middle\" fill=\"{}\">{letter}</text></svg>",
        css(palette.fill),
        css(palette.on_fill),
    );
    Ok(cached::answer_versioned(&headers, "image/svg+xml", svg, true))
}

/// Redirects browsers that ask for the icon of the site.
pub async fn favicon(
    axum::extract::State(site): axum::extract::State<crate::web::Site>,
) -> Result<Response, AppError> {
    let newsletter = site.newsletter(None).await?.newsletter;
    let cache = (header::CACHE_CONTROL, "public, max-age=86400");
    Ok(([cache], Redirect::temporary(&icon_path(&newsletter))).into_response())
}

fn style_sheet(Colour(accent): Colour, fonts: Fonts) -> String {
    let light = format!("{}{}", typeface(fonts), tokens(&Palette::light(accent)));
    format!(
        ":root{{{light}}}\n@media (prefers-color-scheme:dark){{:root{{{}}}\n\
         .brand img{{padding:.375rem .625rem;background:#fff;border-radius:6px}}}}\n",
        tokens(&Palette::dark(accent))
    )
}

/// Returns the tokens of the signup box, whose style sheet has no `:root`.
pub fn box_tokens(theme: &Theme) -> (String, String) {
    let Colour(accent) = accent(theme);
    let light = format!("{}{}", typeface(theme.fonts), tokens(&Palette::light(accent)));
    (light, tokens(&Palette::dark(accent)))
}

const fn typeface(fonts: Fonts) -> &'static str {
    match fonts {
        Fonts::Serif => "--headline:Georgia,'Times New Roman',Times,serif;--tracking:-.012em;",
        Fonts::Sans => {
            "--headline:-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif;--tracking:-.02em;"
        }
    }
}

fn tokens(palette: &Palette) -> String {
    let mut tokens = String::new();
    for (name, colour) in [
        ("fill", palette.fill),
        ("on-fill", palette.on_fill),
        ("edge", palette.edge),
        ("hover", palette.hover),
        ("link", palette.link),
        ("tint", palette.tint),
    ] {
        // Writing to a string never fails.
        let _ = write!(tokens, "--{name}:{};", css(colour));
    }
    tokens.truncate(tokens.len().saturating_sub(1));
    tokens
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_style_sheet_is_small_and_has_every_token_for_light_and_dark() {
        let sheet = style_sheet(Colour([0xc2, 0x41, 0x0c]), Fonts::Sans);
        assert!(sheet.len() < 1000, "{} bytes", sheet.len());
        for token in ["--fill:", "--on-fill:", "--edge:", "--hover:", "--link:", "--tint:"] {
            assert_eq!(sheet.matches(token).count(), 2, "{token} in {sheet}");
        }
        assert!(sheet.contains("--fill:#c2410c") && !sheet.contains("Georgia"), "{sheet}");
        assert!(!sheet.contains("-;"), "{sheet}");
    }

    #[test]
    fn addresses_follow_the_brand() {
        let theme = Theme { accent: Some(Colour([0xff, 0xd4, 0])), ..Theme::default() };
        assert!(style_path(&theme).starts_with("/assets/brand/ffd400-serif-"));
        assert_ne!(style_path(&theme), style_path(&Theme::default()));
        let newsletter = Newsletter { title: "“été” 7".into(), theme, ..Newsletter::default() };
        assert_eq!(icon_path(&newsletter), "/assets/icon/ffd400-T.svg");
    }
}
