//! Free space where Daily keeps its files.

use std::{io, path::Path};

/// Returns how many bytes this process may still write below a folder, or below its nearest parent that exists.
pub fn free_bytes(folder: &Path) -> io::Result<u64> {
    let mut known = folder.ancestors().filter(|it| it.exists());
    // A relative folder that doesn't exist is below the working directory.
    let known = known.next().filter(|it| !it.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let space = rustix::fs::statvfs(known)?;
    Ok(space.f_bavail.saturating_mul(space.f_frsize))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_space_below_any_folder() {
        let folder = tempfile::tempdir().unwrap();
        assert!(free_bytes(folder.path()).unwrap() > 0);
        assert!(free_bytes(&folder.path().join("not/there")).unwrap() > 0);
        assert!(free_bytes(Path::new("not-there")).unwrap() > 0);
    }
}
