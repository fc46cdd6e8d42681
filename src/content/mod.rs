//! Reads content from other sites: feeds and pages in,
//! [`FoundArticle`](crate::domain::content::article::FoundArticle)s out.
//!
//! - `fetch` gets a document over HTTP from allowed addresses only (`address_filter`), and limits requests
//!   per host (`host_limiter`).
//! - `feed` reads RSS and Atom, however malformed: `xml_events` splits the document, `feed_tree` builds a
//!   tree (`feed_element` knows the vocabularies), `feed_entry` and `entry_picture` interpret its entries.
//!   `json_feed` reads JSON Feed. Both return a `parsed_feed`.
//! - `page` reads an article's page: `json_ld`, `metadata` and `page_body` collect facts, `page_title`,
//!   `byline` and `page_pictures` choose among them. Then the readable text is extracted. `saved_text` reads
//!   a page that a browser saved as text.
//! - `picture` checks the first bytes of a picture. `make_picture` crops (`crop`) and scales it for emails, and
//!   `picture_maker` bounds that work.
//! - `charset`, `dates` (with `written_date` and `date_words`), `markup` and `nesting` are shared by the
//!   readers: bytes to text, dates, HTML fragments to plain text, and limits against hostile HTML.
//!
//! Parsing is CPU-bound: a few milliseconds for most documents, a second or two for a hostile one. Call
//! `feed::parse_feed` and `page::read_page` from `spawn_blocking`.

pub mod address_filter;
pub mod answer_headers;
pub mod budget;
mod byline;
pub mod charset;
mod crop;
mod date_words;
pub mod dates;
mod entry_picture;
pub mod feed;
mod feed_element;
mod feed_entry;
mod feed_tree;
pub mod fetch;
pub mod fetch_error;
pub mod host_limiter;
pub mod json_feed;
mod json_ld;
mod json_mend;
pub mod local_file;
pub mod make_picture;
pub mod markup;
mod metadata;
pub mod nesting;
pub mod page;
mod page_body;
mod page_pictures;
mod page_title;
pub mod parsed_feed;
pub mod picture;
pub mod picture_maker;
mod references;
pub mod resolver;
pub mod saved_text;
mod written_date;
mod xml_events;
