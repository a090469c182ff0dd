//! The file of a cluster mesh, `.storm-clusters`: tables first, checked on opening; pages after them, read one at a time.
//!
//! Whatever the bytes are, reading them gives a mesh or an error, and asks for no more memory than the file is long.

use std::{
    fs::File,
    io::{Read, Seek, SeekFrom, Write},
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use bytemuck::{Pod, Zeroable};

use super::{
    ClusterError, ClusterInfo, ClusterMesh, Group, Node, PageInfo, PageSource, error::record, pack,
};

/// How a file begins.
const MAGIC: [u8; 8] = *b"STORMCLU";
/// The version of the format that is written and read.
pub const FILE_VERSION: u32 = 1;
/// Magic, version, words of the tables, BLAKE3 of the tables.
const HEADER: usize = 8 + 4 + 4 + 32;
/// The most words of tables: 4 GiB, about a hundred million groups.
const TABLE_WORDS_MAX: u32 = 1 << 30;

/// Where a page is; 8 words.
#[derive(Clone, Copy, Debug, Default, Pod, Zeroable)]
#[repr(C)]
struct PageRecord {
    /// From the start of the file, low and high word.
    offset: [u32; 2],
    /// Bytes in the file.
    stored: u32,
    /// A [`Form`].
    form: u32,
    /// Bytes of the page.
    bytes: u32,
    clusters: u32,
    /// The first word of BLAKE3 of the page.
    hash: u32,
    /// How many pages it needs; their numbers stand after all records.
    needs: u32,
}

impl PageRecord {
    fn offset(&self) -> u64 {
        u64::from(self.offset[0]) | u64::from(self.offset[1]) << 32
    }
}

/// The words of bytes, little-endian whatever the machine is.
fn words_of(bytes: &[u8]) -> Vec<u32> {
    let word = |b: &[u8]| u32::from_le_bytes([b[0], b[1], b[2], b[3]]);
    bytes.chunks_exact(4).map(word).collect()
}

fn bytes_of(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|w| w.to_le_bytes()).collect()
}

fn hash(bytes: &[u8]) -> u32 {
    let hash = blake3::hash(bytes);
    let [a, b, c, d, ..] = *hash.as_bytes();
    u32::from_le_bytes([a, b, c, d])
}

/// Writes a mesh as a file. One page is in memory at a time; the table is written last, at the place that was kept for it.
///
/// # Errors
/// When a page cannot be read, or writing fails.
pub fn write(mesh: &ClusterMesh, out: &mut (impl Write + Seek)) -> Result<(), ClusterError> {
    let start = out.stream_position()?;
    let mut records = vec![PageRecord::default(); mesh.pages().len()];
    let tables = |records: &[PageRecord]| {
        let needs = mesh.pages().iter().flat_map(|p| &p.needs);
        let mut words = bytemuck::cast_slice(std::slice::from_ref(mesh.info())).to_vec();
        words.extend_from_slice(bytemuck::cast_slice(mesh.nodes()));
        words.extend_from_slice(bytemuck::cast_slice(mesh.groups()));
        words.extend_from_slice(bytemuck::cast_slice(records));
        words.extend(needs);
        bytes_of(&words)
    };
    let length = tables(&records).len();
    let Some(words) = u32::try_from(length / 4)
        .ok()
        .filter(|&w| w <= TABLE_WORDS_MAX)
    else {
        return Err(ClusterError::Header("tables over 4 GiB".into()));
    };
    out.write_all(&vec![0; HEADER + length])?;
    let mut at = (HEADER + length) as u64;
    for (i, info) in (0..).zip(mesh.pages()) {
        let page = mesh.read_page(i)?;
        let bytes = bytes_of(page.words());
        let hash = hash(&bytes);
        let (form, stored) = smallest(page.words(), bytes, mesh.info().flags);
        out.write_all(&stored)?;
        records[i as usize] = PageRecord {
            offset: [at as u32, (at >> 32) as u32],
            stored: stored.len() as u32,
            bytes: info.bytes,
            clusters: info.clusters,
            form: form as u32,
            hash,
            needs: info.needs.len() as u32,
        };
        at += stored.len() as u64;
    }
    let end = out.stream_position()?;
    let tables = tables(&records);
    out.seek(SeekFrom::Start(start))?;
    out.write_all(&MAGIC)?;
    out.write_all(&FILE_VERSION.to_le_bytes())?;
    out.write_all(&words.to_le_bytes())?;
    out.write_all(blake3::hash(&tables).as_bytes())?;
    out.write_all(&tables)?;
    out.seek(SeekFrom::Start(end))?;
    Ok(())
}

/// How the bytes of a page are stored.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Plain,
    /// Zstandard.
    Compressed,
    /// In streams of alike: see `pack.rs`.
    Packed,
}

/// The smallest form of a page.
fn smallest(words: &[u32], bytes: Vec<u8>, flags: u32) -> (Form, Vec<u8>) {
    let small = pack::compress(&bytes);
    // That it reads back is seen here, not when it is needed.
    let reads_back = pack::decompress(&small, bytes.len()).is_ok_and(|found| found == bytes);
    let mut best = (Form::Plain, bytes);
    if reads_back && small.len() < best.1.len() {
        best = (Form::Compressed, small);
    }
    match pack::pack(words, words[0] as usize, flags) {
        Some(packed) if packed.len() < best.1.len() => (Form::Packed, packed),
        _ => best,
    }
}

/// Writes a mesh to a file: beside it first, and then in its place, so that nobody sees half a file.
///
/// # Errors
/// As [`write()`].
pub fn save(mesh: &ClusterMesh, path: impl AsRef<Path>) -> Result<(), ClusterError> {
    let path = path.as_ref();
    let mut part = path.as_os_str().to_owned();
    // Two that write the same path at once do not write the same part.
    part.push(format!(".{}-{:x}.part", std::process::id(), next_part()));
    let part = Path::new(&part);
    let written = File::create(part)
        .map_err(ClusterError::from)
        .and_then(|file| {
            let mut out = std::io::BufWriter::new(file);
            write(mesh, &mut out)?;
            out.flush()?;
            Ok(std::fs::rename(part, path)?)
        });
    if written.is_err() {
        // What matters is the error before.
        let _ = std::fs::remove_file(part);
    }
    written
}

fn next_part() -> u32 {
    static PART: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    PART.fetch_add(1, std::sync::atomic::Ordering::Relaxed)
}

/// Opens a file: its tables are read and checked, its pages later, on demand. The file stays open as long as the mesh lives.
///
/// # Errors
/// When it cannot be read, is no such file, or breaks a rule of the format.
pub fn open(path: impl AsRef<Path>) -> Result<ClusterMesh, ClusterError> {
    let file = File::open(path)?;
    if !file.metadata()?.is_file() {
        return Err(ClusterError::Header("not a regular file".into()));
    }
    read(file)
}

/// [`open`] of anything that can be read and sought, such as a `Cursor` over bytes.
///
/// # Errors
/// As [`open`].
pub fn read(mut from: impl Read + Seek + Send + 'static) -> Result<ClusterMesh, ClusterError> {
    let length = from.seek(SeekFrom::End(0))?;
    from.seek(SeekFrom::Start(0))?;
    let header = |problem: String| ClusterError::Header(problem);
    if length < HEADER as u64 {
        return Err(header(format!("{length} bytes, a header has {HEADER}")));
    }
    let mut head = [0; HEADER];
    from.read_exact(&mut head)?;
    if head[..8] != MAGIC {
        return Err(header(format!(
            "no cluster mesh: it begins with {:02x?}",
            &head[..8]
        )));
    }
    let head_words = words_of(&head[8..16]);
    let (version, words) = (head_words[0], head_words[1]);
    if version != FILE_VERSION {
        return Err(header(format!(
            "version {version}, version {FILE_VERSION} can be read"
        )));
    }
    let table_bytes = u64::from(words) * 4;
    if words > TABLE_WORDS_MAX || table_bytes > length - HEADER as u64 {
        return Err(header(format!(
            "{words} words of tables in a file of {length} bytes"
        )));
    }
    let mut tables = vec![0; table_bytes as usize];
    from.read_exact(&mut tables)?;
    if blake3::hash(&tables).as_bytes() != &head[16..] {
        return Err(header("tables that do not have the hash they state".into()));
    }
    let (info, nodes, groups, records, needs) = part(&words_of(&tables))?;
    drop(tables);
    let pages = pages(&records, &needs, HEADER as u64 + table_bytes, length)?;
    let source = FilePages {
        from: Mutex::new(from),
        flags: info.flags,
        records,
    };
    ClusterMesh::new(info, nodes, groups, pages, Arc::new(source))
}

type Parts = (
    ClusterInfo,
    Vec<Node>,
    Vec<Group>,
    Vec<PageRecord>,
    Vec<u32>,
);

/// Cuts the words of the tables into their parts.
fn part(words: &[u32]) -> Result<Parts, ClusterError> {
    fn take<'w, T: Pod>(words: &mut &'w [u32], count: u32) -> Result<&'w [T], ClusterError> {
        let found = (count as usize)
            .checked_mul(size_of::<T>() / 4)
            .and_then(|length| words.split_at_checked(length));
        let Some((head, tail)) = found else {
            return Err(ClusterError::Header(format!(
                "{count} records where {} words are left",
                words.len()
            )));
        };
        *words = tail;
        Ok(bytemuck::cast_slice(head))
    }
    let mut rest = words;
    let info = take::<ClusterInfo>(&mut rest, 1)?[0];
    let nodes = take(&mut rest, info.nodes)?.to_vec();
    let groups = take(&mut rest, info.groups)?.to_vec();
    let records = take(&mut rest, info.pages)?.to_vec();
    Ok((info, nodes, groups, records, rest.to_vec()))
}

/// What is known of the pages, once it is seen to fit the file.
fn pages(
    records: &[PageRecord],
    mut needs: &[u32],
    start: u64,
    length: u64,
) -> Result<Vec<PageInfo>, ClusterError> {
    let mut pages = Vec::with_capacity(records.len());
    for (i, page) in records.iter().enumerate() {
        let no = |problem: &str| record("page record", i, problem);
        let end = page.offset().checked_add(u64::from(page.stored));
        if page.offset() < start || end.is_none_or(|end| end > length) {
            return Err(no("outside of the file"));
        }
        if page.stored > page.bytes || page.form > Form::Packed as u32 {
            return Err(no("more bytes stored than it has, or in no known form"));
        }
        let Some((own, rest)) = needs.split_at_checked(page.needs as usize) else {
            return Err(no("more needed pages than are listed"));
        };
        needs = rest;
        pages.push(PageInfo {
            bytes: page.bytes,
            clusters: page.clusters,
            needs: own.to_vec(),
        });
    }
    if !needs.is_empty() {
        return Err(ClusterError::Header(format!(
            "{} words after the tables",
            needs.len()
        )));
    }
    Ok(pages)
}

/// Pages in a file.
struct FilePages<R> {
    from: Mutex<R>,
    flags: u32,
    records: Vec<PageRecord>,
}

impl<R: Read + Seek + Send> PageSource for FilePages<R> {
    fn read(&self, page: u32) -> Result<Vec<u32>, ClusterError> {
        let Some(record) = self.records.get(page as usize) else {
            return Err(ClusterError::NoPage {
                page,
                pages: self.records.len() as u32,
            });
        };
        let no = |problem: String| ClusterError::Page { page, problem };
        let mut bytes = vec![0; record.stored as usize];
        {
            // A panic elsewhere leaves a file that is sought again anyhow.
            let mut from = self.from.lock().unwrap_or_else(PoisonError::into_inner);
            from.seek(SeekFrom::Start(record.offset()))?;
            from.read_exact(&mut bytes)?;
        }
        if record.form == Form::Packed as u32 {
            let words = record.bytes as usize / 4;
            let clusters = record.clusters as usize;
            bytes = bytes_of(&pack::unpack(&bytes, words, clusters, self.flags).map_err(no)?);
        } else if record.form == Form::Compressed as u32 {
            bytes = pack::decompress(&bytes, record.bytes as usize).map_err(no)?;
        }
        if hash(&bytes) != record.hash {
            return Err(no("bytes that do not have the hash they should".into()));
        }
        Ok(words_of(&bytes))
    }

    fn stored_bytes(&self, page: u32) -> Option<u32> {
        self.records.get(page as usize).map(|record| record.stored)
    }
}
