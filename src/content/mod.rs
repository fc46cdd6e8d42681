//! Reading what others publish: feeds and pages in,
//! [`FoundArticle`](crate::domain::content::article::FoundArticle)s out.
//!
//! - `fetch` gets a document over HTTP, never from where it should not (`address_filter`), and politely
//!   (`turns`).
//! - `feed` reads RSS and Atom, however odd: `xml_events` takes the document apart, `feed_tree` puts it
//!   together again (`feed_element` knows the vocabularies), `feed_entry` and `entry_picture` understand its
//!   entries. `json_feed` reads JSON Feed. Both come to a `parsed_feed`.
//! - `page` reads an article's page: `json_ld`, `metadata` and `page_body` bring what it says, `page_title`,
//!   `byline` and `page_pictures` decide; then its readable text. `saved_text` reads a page that a browser
//!   saved as text.
//! - `picture` looks at the first bytes of a picture.
//! - `charset`, `dates` (with `written_date` and `date_words`), `markup` and `nesting` own what the readers
//!   share: bytes to text, dates, HTML fragments to plain text, and the bounds that keep hostile HTML cheap.
//!
//! Reading is work for the processor: a few milliseconds for most documents, a second or two for a hostile
//! one. Call `feed::parse_feed` and `page::read_page` from `spawn_blocking`.

pub mod address_filter;
pub mod answer_headers;
pub mod budget;
mod byline;
pub mod charset;
mod date_words;
pub mod dates;
mod entry_picture;
pub mod feed;
mod feed_element;
mod feed_entry;
mod feed_tree;
pub mod fetch;
pub mod fetch_error;
pub mod json_feed;
mod json_ld;
mod json_mend;
pub mod local_file;
pub mod markup;
mod metadata;
pub mod nesting;
pub mod page;
mod page_body;
mod page_pictures;
mod page_title;
pub mod parsed_feed;
pub mod picture;
mod references;
pub mod resolver;
pub mod saved_text;
pub mod turns;
mod written_date;
mod xml_events;
