//! Feeds and pages in local files.

use std::{io, path::Path};
use tokio::io::AsyncReadExt as _;

/// Reads a regular file of at most `max_bytes`. Fails for devices and pipes, which might never end.
pub async fn read(path: &Path, max_bytes: u64) -> io::Result<Vec<u8>> {
    let file = tokio::fs::metadata(path).await?;
    if !file.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    let mut body = Vec::new();
    tokio::fs::File::open(path).await?.take(max_bytes + 1).read_to_end(&mut body).await?;
    if u64::try_from(body.len()).unwrap_or(u64::MAX) > max_bytes {
        return Err(io::Error::other(format!("it is longer than {max_bytes} bytes (feeds.max_bytes)")));
    }
    Ok(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_regular_files_within_the_limit_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("feed.xml");
        std::fs::write(&file, "0123456789").unwrap();
        assert_eq!(read(&file, 10).await.unwrap(), b"0123456789");
        assert!(read(&file, 9).await.unwrap_err().to_string().contains("feeds.max_bytes"));
        for odd in [Path::new("/dev/zero"), folder.path()] {
            assert!(read(odd, 10).await.unwrap_err().to_string().contains("not a regular file"));
        }
    }
}
