//! The file of a backup: a tar archive of a manifest, the secret that signs links, and the database.

use aws_lc_rs::digest;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::{
    fs,
    io::{self, Read, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

const MANIFEST: &str = "manifest.json";
const SECRET: &str = "secret.key";
const DATABASE: &str = "database";
/// The format of the archive.
const FORMAT: u32 = 1;
/// Most bytes of the small files in an archive.
const SMALL: u64 = 64 * 1024;
const BUFFER: usize = 256 * 1024;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    format: u32,
    /// The version of Daily that made the backup.
    pub version: String,
    pub made_at: Timestamp,
    /// `sqlite` or `postgres`.
    pub engine: String,
    /// SHA-256 of the database's file, in hex.
    pub sha256: String,
}

/// The parts of an archive beside the database.
#[derive(Debug)]
pub struct Contents {
    pub manifest: Manifest,
    /// The secrets that sign links, as `secret.key` holds them.
    pub secret: String,
}

/// Writes an archive that only its owner can read, and reads it back. The file must be new.
pub fn write(
    file: &Path,
    database: &Path,
    secret: &str,
    engine: &str,
    now: Timestamp,
) -> io::Result<Manifest> {
    let manifest = Manifest {
        format: FORMAT,
        version: env!("CARGO_PKG_VERSION").into(),
        made_at: now,
        engine: engine.into(),
        sha256: sha256(fs::File::open(database)?, &mut io::sink())?,
    };
    let mut out = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(file)?;
    let mut archive = tar::Builder::new(&mut out);
    let time = u64::try_from(now.as_second()).unwrap_or_default();
    for (name, text) in [(MANIFEST, serde_json::to_string_pretty(&manifest)? + "\n"), (SECRET, secret.into())]
    {
        archive.append_data(&mut header(text.len() as u64, time), name, text.as_bytes())?;
    }
    let copied = fs::File::open(database)?;
    archive.append_data(&mut header(copied.metadata()?.len(), time), DATABASE, copied)?;
    archive.into_inner()?.flush()?;
    out.sync_all()?;
    if read(file, &mut io::sink())?.manifest != manifest {
        return Err(io::Error::other("the archive doesn't read as it was written"));
    }
    Ok(manifest)
}

/// Reads an archive and writes its database to `database`. Fails if it isn't what the manifest says.
pub fn read(file: &Path, database: &mut dyn io::Write) -> io::Result<Contents> {
    let damaged = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
    let mut archive = tar::Archive::new(io::BufReader::with_capacity(BUFFER, fs::File::open(file)?));
    let (mut manifest, mut secret) = (None::<Manifest>, None);
    for entry in archive.entries().map_err(|_| damaged("it is not a backup of Daily"))? {
        let entry = entry.map_err(|_| damaged("it is not a whole backup of Daily"))?;
        match entry.path()?.to_str() {
            Some(MANIFEST) => {
                let read: Manifest = serde_json::from_reader(entry.take(SMALL))?;
                if read.format != FORMAT {
                    return Err(damaged("a newer version of Daily made it"));
                }
                manifest = Some(read);
            }
            Some(SECRET) => secret = Some(io::read_to_string(entry.take(SMALL))?),
            Some(DATABASE) => {
                let (Some(manifest), Some(secret)) = (manifest, secret) else {
                    return Err(damaged("its manifest or its secret is missing"));
                };
                if sha256(entry, database)? != manifest.sha256 {
                    return Err(damaged("its database doesn't have the checksum that the manifest names"));
                }
                return Ok(Contents { manifest, secret });
            }
            _ => {}
        }
    }
    Err(damaged("it holds no database"))
}

fn header(bytes: u64, time: u64) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_size(bytes);
    header.set_mode(0o600);
    header.set_mtime(time);
    header
}

/// Copies everything and returns its SHA-256 in hex.
fn sha256(mut from: impl Read, to: &mut dyn io::Write) -> io::Result<String> {
    let mut context = digest::Context::new(&digest::SHA256);
    let mut buffer = vec![0; BUFFER];
    loop {
        let read = from.read(&mut buffer)?;
        if read == 0 {
            return Ok(hex::encode(context.finish()));
        }
        context.update(&buffer[..read]);
        to.write_all(&buffer[..read])?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_archive_is_read_as_written_and_damage_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let (file, database) = (folder.path().join("daily.tar"), folder.path().join("copy"));
        fs::write(&database, vec![7_u8; 600_000]).unwrap();
        let made = write(&file, &database, "00ff\n", "sqlite", Timestamp::UNIX_EPOCH).unwrap();
        let mut copy = Vec::new();
        let contents = read(&file, &mut copy).unwrap();
        assert_eq!((contents.manifest, contents.secret.as_str()), (made, "00ff\n"));
        assert_eq!(copy, vec![7_u8; 600_000]);
        assert!(
            write(&file, &database, "00ff\n", "sqlite", Timestamp::UNIX_EPOCH).is_err(),
            "it must be new"
        );

        let whole = fs::read(&file).unwrap();
        let mut changed = whole.clone();
        changed[400_000] = 8;
        for damaged in [&changed[..], &whole[..300_000], b"not an archive", b""] {
            fs::write(&file, damaged).unwrap();
            assert!(read(&file, &mut io::sink()).is_err(), "{} bytes", damaged.len());
        }
    }
}
