//! Imports of reader lists.

use super::{OPERATOR, app::TestApp};
use daily::{
    actions::subscription::import_subscribers::{Import, LeftOut, Summary, import_subscribers},
    domain::import::{Dates, LayoutOptions},
};
use jiff::tz::TimeZone;
use std::io::Cursor;

impl TestApp {
    /// Returns an import into the first newsletter, without any options about the list's layout.
    pub async fn import(&self) -> Import {
        Import {
            newsletter: self.newsletter().await.id,
            file_name: "list.csv".into(),
            layout: LayoutOptions::default(),
            encoding: None,
            dates: Dates { format: None, zone: TimeZone::UTC, now: self.clock.now() },
            dry_run: false,
        }
    }

    /// Runs an import, and returns its summary and the rejected rows.
    pub async fn run_import(&self, import: Import, list: &str) -> (Summary, Vec<LeftOut>) {
        let mut left_out = Vec::new();
        let file = Cursor::new(list.as_bytes().to_vec());
        let summary = import_subscribers(&self.app.actions, &OPERATOR, file, import, |it| {
            left_out.push(it.clone());
            Ok(())
        });
        (summary.await.expect("a list that can be read"), left_out)
    }

    /// Imports a list into the first newsletter.
    pub async fn import_list(&self, list: &str) -> Summary {
        self.run_import(self.import().await, list).await.0
    }
}
