//! The shared credentials and config files: any texts.

use s3lite::{CredentialSource, ErrorKind, Found, resolve};

use super::canary;
use super::input::Input;

/// No error shows anything of a file; what is found stands in one.
///
/// The input is the length of the credentials file, then its text, then that of the config file.
pub fn check(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let length = input.number() as usize;
    let rest = input.rest();
    let (credentials, config) = rest.split_at(length.min(rest.len()));
    let (credentials, config) = (String::from_utf8_lossy(credentials), String::from_utf8_lossy(config));
    for source in [CredentialSource::Ambient, profile("default"), profile("mail")] {
        check_source(&source, &credentials, &config);
    }
}

fn profile(name: &str) -> CredentialSource {
    CredentialSource::Profile(name.to_owned())
}

fn check_source(source: &CredentialSource, credentials_file: &str, config_file: &str) {
    let environment = |name: &str| (name == "HOME").then(|| "/home/a".to_owned());
    let read = |path: &str| match path {
        "/home/a/.aws/credentials" => Ok(Some(credentials_file.to_owned())),
        "/home/a/.aws/config" => Ok(Some(config_file.to_owned())),
        _ => panic!("{path} is none of the shared files"),
    };
    match resolve(source, &Found { environment: &environment, read: &read }) {
        Ok(found) => {
            let credentials = found.expect("only an anonymous store has none");
            let texts = [Some(credentials.access_key_id()), credentials.session_token()];
            for text in texts.into_iter().flatten() {
                assert!(credentials_file.contains(text) || config_file.contains(text), "{text:?} stands nowhere");
                assert!(text.bytes().all(|byte| byte.is_ascii_graphic()), "{text:?} cannot be sent");
            }
        }
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::Credentials);
            canary::assert_kept(&error);
        }
    }
}
