//! Functions of the C library, in whose place this program has its own. A linker takes the first that it finds, and the
//! program comes before the library. Each does what the library's does, unless a test wants something else of it for the files
//! below its own folder.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What a test wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// Forcing a file to the disk fails.
    NoFileSync,
    /// Forcing a folder to the disk fails.
    NoFolderSync,
    /// Somebody else has just made the first file that is to be made.
    RivalFile,
    /// Reading a file fails as if it were a connection.
    DeadFile,
}

/// What a rival has in its file.
pub const RIVAL: &str = "somebody else's";

/// A file or folder that was forced to the disk, and the names that were in its folder then.
#[derive(Clone, Debug)]
pub struct Sync {
    pub path: PathBuf,
    pub beside: Vec<String>,
}

static WISHES: Mutex<Vec<(PathBuf, Wish)>> = Mutex::new(Vec::new());
static SYNCS: Mutex<Vec<Sync>> = Mutex::new(Vec::new());

static OPENED: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// How many files below a folder were opened so far.
pub fn opened(folder: &Path) -> usize {
    lock(&OPENED).iter().filter(|path| path.starts_with(folder)).count()
}

/// Wants something for the files below a folder.
pub fn wish(folder: &Path, wish: Wish) {
    lock(&WISHES).push((folder.to_owned(), wish));
}

/// What was forced to the disk below a folder, in its order.
pub fn syncs(folder: &Path) -> Vec<Sync> {
    lock(&SYNCS).iter().filter(|sync| sync.path.starts_with(folder)).cloned().collect()
}

fn is_wished(path: &Path, wish: Wish) -> bool {
    lock(&WISHES).iter().any(|(folder, wished)| path.starts_with(folder) && *wished == wish)
}

/// Takes back a wish that is to come true once.
fn take(path: &Path, wish: Wish) -> bool {
    let mut wishes = lock(&WISHES);
    let place = wishes.iter().position(|(folder, wished)| path.starts_with(folder) && *wished == wish);
    place.map(|place| wishes.swap_remove(place)).is_some()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn path_of(descriptor: c_int) -> Option<PathBuf> {
    std::fs::read_link(format!("/proc/self/fd/{descriptor}")).ok()
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

fn fail(errno: c_int) -> c_int {
    // SAFETY: errno is this thread's own.
    unsafe { *libc::__errno_location() = errno };
    -1
}

#[unsafe(no_mangle)]
extern "C" fn fsync(descriptor: c_int) -> c_int {
    if let Some(path) = path_of(descriptor) {
        let is_folder = path.is_dir();
        let folder = if is_folder { Some(path.as_path()) } else { path.parent() };
        let beside = folder.map(names).unwrap_or_default();
        if is_wished(&path, if is_folder { Wish::NoFolderSync } else { Wish::NoFileSync }) {
            return fail(libc::EIO);
        }
        lock(&SYNCS).push(Sync { path, beside });
    }
    // SAFETY: it takes any number.
    unsafe { libc::syscall(libc::SYS_fsync, descriptor) as c_int }
}

/// # Safety
///
/// As the library's: a string that ends. It is given a mode whether it makes a file or not, which is how it is called here.
#[unsafe(no_mangle)]
unsafe extern "C" fn open64(path: *const c_char, flags: c_int, mode: libc::mode_t) -> c_int {
    // SAFETY: the caller's promise.
    let name = Path::new(std::ffi::OsStr::from_bytes(unsafe { CStr::from_ptr(path) }.to_bytes()));
    if flags & libc::O_CREAT != 0 && take(name, Wish::RivalFile) {
        std::fs::write(name, RIVAL).expect("the rival's file");
    }
    lock(&OPENED).push(name.to_owned());
    // SAFETY: the caller's promise.
    unsafe { libc::syscall(libc::SYS_openat, libc::AT_FDCWD, path, flags, libc::c_ulong::from(mode)) as c_int }
}

/// # Safety
///
/// As the library's: a buffer of so many bytes.
#[unsafe(no_mangle)]
unsafe extern "C" fn read(descriptor: c_int, buffer: *mut c_void, count: usize) -> isize {
    if path_of(descriptor).is_some_and(|path| is_wished(&path, Wish::DeadFile)) {
        return fail(libc::ENOTCONN) as isize;
    }
    // SAFETY: the caller's promise.
    unsafe { libc::syscall(libc::SYS_read, descriptor, buffer, count) as isize }
}

type Resolve =
    unsafe extern "C" fn(*const c_char, *const c_char, *const libc::addrinfo, *mut *mut libc::addrinfo) -> c_int;

/// The library's own.
fn resolve() -> Resolve {
    // SAFETY: the name ends, and the function has this type.
    unsafe {
        let found = libc::dlsym(libc::RTLD_NEXT, c"getaddrinfo".as_ptr());
        assert!(!found.is_null(), "the library has one");
        std::mem::transmute::<*mut c_void, Resolve>(found)
    }
}

/// Looks up a name; one like `127.0.0.2-127.0.0.1.addresses` has the addresses that it says, in their order; `v6` is
/// `::1`, whose colons no name has.
///
/// # Safety
///
/// As the library's.
#[unsafe(no_mangle)]
unsafe extern "C" fn getaddrinfo(
    name: *const c_char,
    service: *const c_char,
    hints: *const libc::addrinfo,
    found: *mut *mut libc::addrinfo,
) -> c_int {
    let resolve = resolve();
    // SAFETY: the caller's promise.
    let text = if name.is_null() { "" } else { unsafe { CStr::from_ptr(name) }.to_str().unwrap_or_default() };
    let Some(addresses) = text.strip_suffix(".addresses") else {
        // SAFETY: the caller's promise.
        return unsafe { resolve(name, service, hints, found) };
    };
    let mut end = found;
    for address in addresses.split('-') {
        let address = if address == "v6" { "::1" } else { address };
        let address = std::ffi::CString::new(address).expect("a part of a string that ends");
        // SAFETY: `end` is where the list ends: the caller's own place at first, then the last entry's, which are lists of
        // one. The library frees them one by one.
        unsafe {
            let failed = resolve(address.as_ptr(), service, hints, end);
            if failed != 0 {
                return failed;
            }
            while !(*end).is_null() {
                end = &raw mut (**end).ai_next;
            }
        }
    }
    0
}
