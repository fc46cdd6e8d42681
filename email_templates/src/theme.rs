//! Colours and type. Inline styles carry the light look (all that Gmail and Outlook read reliably); the style sheet
//! adds phones and dark mode for the clients that know them. A class is named for its role, never for its colour.

/// Headlines and the nameplate.
pub(crate) const SERIF: &str = "font-family:Georgia,'Times New Roman',Times,serif;";
/// Everything else.
pub(crate) const SANS: &str = "font-family:-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif;";
/// Text, thick rules.
pub(crate) const INK: &str = "color:#15201b;";
/// Secondary text: 6.9:1 on the sheet, 5.7:1 on the desk.
pub(crate) const MUTED: &str = "color:#525d57;";
/// Bottle green, the one accent: 7.5:1 on the sheet.
pub(crate) const ACCENT: &str = "color:#0a6048;";
/// Breaks words that would push the page wider than a phone.
pub(crate) const BREAK: &str = "word-break:break-word;overflow-wrap:anywhere;";

/// The light colours that attributes (`bgcolor`) and rules need by value.
pub(crate) mod light {
    /// Around the sheet.
    pub(crate) const DESK: &str = "#e8ece9";
    /// The sheet itself.
    pub(crate) const SHEET: &str = "#ffffff";
    /// Text and thick rules.
    pub(crate) const INK: &str = "#15201b";
    /// Thin rules between stories.
    pub(crate) const HAIRLINE: &str = "#d2d9d5";
    /// The button.
    pub(crate) const ACCENT: &str = "#0a6048";
    /// The notice above a test send.
    pub(crate) const NOTICE: &str = "#fff0c2";
}

/// The style sheet. Twice dark: once for clients that know the media query, once for Outlook's own dark mode, which
/// marks what it changed with `data-ogsc` (text) and `data-ogsb` (backgrounds).
pub(crate) const STYLE_SHEET: &str = "\
:root{color-scheme:light dark;supported-color-schemes:light dark}\
body{margin:0;padding:0;width:100%!important;-webkit-text-size-adjust:100%;text-size-adjust:100%}\
table{border-spacing:0;mso-table-lspace:0;mso-table-rspace:0}\
img{border:0;display:block;max-width:100%;-ms-interpolation-mode:bicubic}\
a.head{text-decoration:none}\
a.head:hover{text-decoration:underline!important}\
a:focus-visible{outline:2px solid #0a6048;outline-offset:2px}\
@media (max-width:620px){\
.desk-pad{padding:0!important}\
.sheet{width:100%!important}\
.pad{padding-left:20px!important;padding-right:20px!important}\
.hero{font-size:28px!important;line-height:34px!important}\
.gutter{width:14px!important}\
.thumb{width:88px!important}\
.thumb img{width:88px!important}\
.button a{display:block!important}\
.dot{display:none!important}\
.tagline{display:block!important}\
.button,.button table{width:100%!important}\
}\
@media (prefers-color-scheme:dark){\
.desk{background:#0d1210!important}\
.sheet{background:#161c19!important}\
.ink{color:#edf2ef!important}\
.muted{color:#a6b1ab!important}\
.accent{color:#7dd0ac!important}\
.line{border-color:#34403a!important}\
.thick{border-color:#edf2ef!important}\
.notice{background:#453610!important;color:#ffe9ad!important}\
.button td{background:#7dd0ac!important}\
.button a{color:#0d1210!important;border-color:#7dd0ac!important}\
a:focus-visible{outline-color:#7dd0ac}\
}\
[data-ogsc] .ink{color:#edf2ef!important}\
[data-ogsc] .muted{color:#a6b1ab!important}\
[data-ogsc] .accent{color:#7dd0ac!important}\
[data-ogsc] .notice{color:#ffe9ad!important}\
[data-ogsc] .button a{color:#0d1210!important;border-color:#7dd0ac!important}\
[data-ogsb] .desk{background:#0d1210!important}\
[data-ogsb] .sheet{background:#161c19!important}\
[data-ogsb] .notice{background:#453610!important}\
[data-ogsb] .button td{background:#7dd0ac!important}\
";
