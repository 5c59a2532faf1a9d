//! Which credentials count, of all that was found: the store section, a profile, the environment, the default profile.
//!
//! The order is fixed and short. Nothing is looked for on the network.

use zeroize::Zeroizing;

use crate::credentials::Credentials;
use crate::credentials::profile::{FileKind, Profiles, merge, parse};
use crate::error::{Error, ErrorKind, Result};

/// Where a store's credentials come from, by its configuration.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum CredentialSource {
    /// The configuration holds them.
    Given(Credentials),
    /// A profile of the shared files, which the configuration names; it wins over the environment.
    Profile(String),
    /// The environment, then the default profile of the shared files.
    Ambient,
    /// None: requests go out unsigned.
    Anonymous,
}

/// What the shell found for [`resolve`] to choose from.
pub struct Found<'a> {
    /// Reads an environment variable.
    pub environment: &'a dyn Fn(&str) -> Option<String>,
    /// Reads a file: its text, `None` where there is none, or why it cannot be read.
    pub read: &'a dyn Fn(&str) -> std::result::Result<Option<String>, String>,
}

/// Chooses the credentials; `None` means that requests are not to be signed.
///
/// # Errors
///
/// [`ErrorKind::Credentials`]: nothing found, with the list of what was looked at; half a pair; a profile that does not
/// exist or says how to get credentials in a way that is not offered.
pub fn resolve(source: &CredentialSource, found: &Found<'_>) -> Result<Option<Credentials>> {
    match source {
        CredentialSource::Anonymous => Ok(None),
        CredentialSource::Given(credentials) => Ok(Some(credentials.clone())),
        CredentialSource::Profile(name) => from_profile(name, found)?.map_err(missing_profile).map(Some),
        CredentialSource::Ambient => ambient(found).map(Some),
    }
}

fn ambient(found: &Found<'_>) -> Result<Credentials> {
    if let Some(credentials) = from_environment(found)? {
        return Ok(credentials);
    }
    let profile = variable(found, "AWS_PROFILE");
    let name = profile.as_deref().unwrap_or("default");
    from_profile(name, found)?.map_err(|looked| {
        error(format!(
            "no credentials found. Looked at: access-key and secret-key of the store (not given); \
             AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (not set); {looked}. \
             Give access-key and secret-key, name a profile, or say anonymous = true"
        ))
    })
}

fn from_environment(found: &Found<'_>) -> Result<Option<Credentials>> {
    let id = variable(found, "AWS_ACCESS_KEY_ID");
    let secret = variable(found, "AWS_SECRET_ACCESS_KEY");
    let (id, secret) = match (id, secret) {
        (None, None) => return Ok(None),
        (Some(id), Some(secret)) => (id, secret),
        (Some(_), None) => return Err(error("AWS_ACCESS_KEY_ID is set, but AWS_SECRET_ACCESS_KEY is not")),
        (None, Some(_)) => return Err(error("AWS_SECRET_ACCESS_KEY is set, but AWS_ACCESS_KEY_ID is not")),
    };
    // The second name is the older one.
    let token = variable(found, "AWS_SESSION_TOKEN").or_else(|| variable(found, "AWS_SECURITY_TOKEN"));
    build(&id, &secret, token.as_deref()).map(Some).map_err(|problem| error(format!("the environment: {problem}")))
}

/// Reads a profile; the inner error says where it was looked for in vain.
fn from_profile(name: &str, found: &Found<'_>) -> Result<std::result::Result<Credentials, String>> {
    let (config_path, credentials_path) = file_locations(found.environment);
    let (config, config_state) = read_profiles(FileKind::Config, config_path.as_deref(), found)?;
    let (credentials, credentials_state) = read_profiles(FileKind::Credentials, credentials_path.as_deref(), found)?;
    let profiles = merge(config, credentials);
    let Some(properties) = profiles.get(name) else {
        let file = |path: Option<String>, state: &str| match path {
            Some(path) => format!("{path} ({state})"),
            None => state.to_owned(),
        };
        let (credentials, config) = (file(credentials_path, credentials_state), file(config_path, config_state));
        return Ok(Err(format!("profile {name:?} in {credentials} and {config}")));
    };
    let get = |key: &str| properties.get(key).map(|value| value.as_str()).filter(|value| !value.trim().is_empty());
    let (id, secret) = match (get("aws_access_key_id"), get("aws_secret_access_key")) {
        (Some(id), Some(secret)) => (id, secret),
        (Some(_), None) => {
            return Err(error(format!("profile {name:?} has aws_access_key_id, but no aws_secret_access_key")));
        }
        (None, Some(_)) => {
            return Err(error(format!("profile {name:?} has aws_secret_access_key, but no aws_access_key_id")));
        }
        (None, None) => return Err(without_keys(name, properties.keys())),
    };
    let token = get("aws_session_token").or_else(|| get("aws_security_token"));
    build(id, secret, token).map(Ok).map_err(|problem| error(format!("profile {name:?}: {problem}")))
}

fn read_profiles(kind: FileKind, path: Option<&str>, found: &Found<'_>) -> Result<(Profiles, &'static str)> {
    let Some(path) = path else {
        let nowhere = match kind {
            FileKind::Config => "the shared config file (without HOME there is none)",
            FileKind::Credentials => "the shared credentials file (HOME is not set, so there is none)",
        };
        return Ok((Profiles::new(), nowhere));
    };
    match (found.read)(path) {
        Err(problem) => Err(error(format!("{path} cannot be read: {problem}"))),
        Ok(None) => Ok((Profiles::new(), "no such file")),
        Ok(Some(text)) => {
            // Overwritten once it was read, as the values are.
            let text = Zeroizing::new(text);
            let profiles = parse(kind, &text).map_err(|problem| error(format!("{path}: {problem}")))?;
            Ok((profiles, "no such profile"))
        }
    }
}

/// Where the shared files are: config, then credentials (AWS SDKs and Tools Reference Guide, "Location of the shared files").
/// Without a home there is only what a variable names.
fn file_locations(environment: &dyn Fn(&str) -> Option<String>) -> (Option<String>, Option<String>) {
    let set = |name: &str| environment(name).filter(|value| !value.is_empty());
    let home = set("HOME").or_else(|| set("USERPROFILE")).or_else(|| Some(set("HOMEDRIVE")? + &set("HOMEPATH")?));
    let below_home = |path: &str| {
        let home = home.as_deref()?;
        let separator = if home.contains('\\') { "\\" } else { "/" };
        Some(format!("{home}{separator}{}", path.replace('/', separator)))
    };
    let locate = |variable: &str, default: &str| match set(variable) {
        Some(path) => match path.strip_prefix("~/") {
            Some(rest) => below_home(rest),
            None => Some(path),
        },
        None => below_home(default),
    };
    (locate("AWS_CONFIG_FILE", ".aws/config"), locate("AWS_SHARED_CREDENTIALS_FILE", ".aws/credentials"))
}

fn build(id: &str, secret: &str, token: Option<&str>) -> Result<Credentials> {
    let credentials = Credentials::new(id, secret)?;
    match token {
        Some(token) => credentials.with_session_token(token),
        None => Ok(credentials),
    }
}

/// An empty variable is one that is not set.
fn variable(found: &Found<'_>, name: &str) -> Option<String> {
    (found.environment)(name).filter(|value| !value.trim().is_empty())
}

fn missing_profile(looked: String) -> Error {
    error(format!("there is no {looked}"))
}

/// A profile that points elsewhere is a different mistake than an empty one.
fn without_keys<'a>(name: &str, properties: impl Iterator<Item = &'a String>) -> Error {
    const ELSEWHERE: [&str; 9] = [
        "credential_process",
        "credential_source",
        "login_session",
        "role_arn",
        "source_profile",
        "sso_account_id",
        "sso_session",
        "sso_start_url",
        "web_identity_token_file",
    ];
    let pointer = properties.map(String::as_str).find(|property| ELSEWHERE.contains(property));
    error(match pointer {
        Some(pointer) => format!("profile {name:?} gets its credentials by {pointer}, which is not offered yet"),
        None => {
            format!("profile {name:?} has neither aws_access_key_id nor aws_secret_access_key (both without quotes)")
        }
    })
}

fn error(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Credentials, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCATIONS: &str = include_str!("../../tests/data/file-location-tests.json");

    fn resolve_with(
        source: &CredentialSource,
        variables: &[(&str, &str)],
        files: &[(&str, &str)],
    ) -> std::result::Result<String, String> {
        let find = |list: &[(&str, &str)], name: &str| {
            list.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        };
        let environment = |name: &str| find(variables, name);
        let read = |path: &str| Ok(find(files, path));
        let found = Found { environment: &environment, read: &read };
        let credentials = resolve(source, &found).map_err(|error| error.to_string())?;
        Ok(credentials.map_or_else(
            || "anonymous".to_owned(),
            |c| format!("{} {} {:?}", c.access_key_id(), c.secret_access_key(), c.session_token()),
        ))
    }

    const HOME: (&str, &str) = ("HOME", "/h");
    const KEYS: [(&str, &str); 3] = [HOME, ("AWS_ACCESS_KEY_ID", "ENV"), ("AWS_SECRET_ACCESS_KEY", "env-secret\n")];
    const FILE: (&str, &str) = (
        "/h/.aws/credentials",
        "[default]\naws_access_key_id = FILE\naws_secret_access_key = a=b/c+d=\n\
         [mail]\naws_access_key_id = MAIL\naws_secret_access_key = m\naws_session_token = t\n\
         [half]\naws_access_key_id = HALF\n[role]\nrole_arn = r\n",
    );

    #[test]
    fn the_first_source_that_has_them_counts() {
        let given = CredentialSource::Given(Credentials::new("GIVEN", "g").expect("valid"));
        let profile = |name: &str| CredentialSource::Profile(name.to_owned());
        let ambient = CredentialSource::Ambient;
        let aws_profile = [HOME, ("AWS_PROFILE", "mail")];
        for (source, variables, expected) in [
            (&given, &KEYS[..], "GIVEN g None"),
            (&CredentialSource::Anonymous, &KEYS, "anonymous"),
            (&profile("mail"), &KEYS, "MAIL m Some(\"t\")"),
            (&ambient, &KEYS, "ENV env-secret None"),
            (&ambient, &[HOME], "FILE a=b/c+d= None"),
            (&ambient, &aws_profile, "MAIL m Some(\"t\")"),
        ] {
            assert_eq!(resolve_with(source, variables, &[FILE]).as_deref(), Ok(expected));
        }
    }

    #[test]
    fn nothing_found_says_what_was_looked_at() {
        let text = resolve_with(&CredentialSource::Ambient, &[HOME], &[]).expect_err("nothing is there");
        for part in
            ["access-key", "AWS_ACCESS_KEY_ID", "\"default\"", "/h/.aws/credentials (no such file)", "anonymous"]
        {
            assert!(text.contains(part), "{part} missing: {text}");
        }
    }

    #[test]
    fn half_a_pair_and_other_sources_are_errors() {
        let profile = |name: &str| CredentialSource::Profile(name.to_owned());
        for (source, variables, part) in [
            (profile("half"), &[HOME][..], "no aws_secret_access_key"),
            (profile("role"), &[HOME], "role_arn, which is not offered"),
            (profile("none"), &[HOME], "no such profile"),
            (CredentialSource::Ambient, &KEYS[..2], "AWS_SECRET_ACCESS_KEY is not"),
        ] {
            let text = resolve_with(&source, variables, &[FILE]).expect_err("must be refused");
            assert!(text.contains(part), "{text}");
        }
    }

    #[test]
    fn a_file_that_cannot_be_read_is_named() {
        let (environment, source) = (|name: &str| (name == "HOME").then(|| "/h".to_owned()), CredentialSource::Ambient);
        let read = |_: &str| Err("permission denied".to_owned());
        let text = resolve(&source, &Found { environment: &environment, read: &read })
            .expect_err("it may be there")
            .to_string();
        assert!(text.contains("cannot be read: permission denied") && text.contains("/h/.aws/"), "{text}");
    }

    #[test]
    fn official_file_locations() {
        let suite: serde_json::Value = serde_json::from_str(LOCATIONS).expect("the suite is JSON");
        let cases = suite["tests"].as_array().expect("a list of cases");
        assert_eq!(cases.len(), 9);
        for case in cases {
            let environment = |name: &str| case["environment"][name].as_str().map(str::to_owned);
            let (config, credentials) = file_locations(&environment);
            assert_eq!(case["configLocation"].as_str(), config.as_deref(), "{}", case["name"]);
            assert_eq!(case["credentialsLocation"].as_str(), credentials.as_deref(), "{}", case["name"]);
        }
    }
}
