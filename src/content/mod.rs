//! Reading what others publish: feeds and pages in, [`FoundArticle`](crate::domain::content::article::FoundArticle)s out.
//!
//! - `fetch` gets a document over HTTP, never from where it should not (`address_filter`), and politely (`turns`).
//! - `feed` reads RSS and Atom (once `xml_check` found it well-formed), `json_feed` JSON Feed, both into a `parsed_feed`;
//!   `entry_picture` finds an entry's picture.
//! - `page` reads an article's page: `json_ld`, `metadata`, then its readable text; `saved_text` reads a page that a
//!   browser saved as text.
//! - `picture` looks at the first bytes of a picture.
//! - `charset`, `dates` (with `written_date` and `date_words`), `markup` and `nesting` own what the readers share: bytes to text, dates, HTML
//!   fragments to plain text, and the bounds that keep hostile HTML cheap.
//!
//! Reading is work for the processor: a few milliseconds for most documents, a second or two for a hostile one. Call
//! `feed::parse_feed` and `page::read_page` from `spawn_blocking`.

pub mod address_filter;
pub mod answer_headers;
pub mod charset;
mod date_words;
pub mod dates;
pub mod entry_picture;
pub mod feed;
pub mod fetch;
pub mod fetch_error;
pub mod json_feed;
pub mod json_ld;
pub mod local_file;
pub mod markup;
pub mod metadata;
pub mod nesting;
pub mod page;
pub mod parsed_feed;
pub mod picture;
pub mod resolver;
pub mod saved_text;
pub mod turns;
mod written_date;
pub mod xml_check;
