//! Where credentials come from: which names are read, what is said of those that cannot be used, and of those that are not
//! there. Of the environment and the shared files only what each case holds is there.

use std::cell::RefCell;

use s3lite::{CredentialSource, Credentials, Error, ErrorKind, Found, resolve};

/// No error may show any of it.
const CANARY: &str = "CANARY";

/// Variables of an environment, or files with their texts.
type Texts<'a> = &'a [(&'a str, &'a str)];

const HOME: (&str, &str) = ("HOME", "/h");
const ID: (&str, &str) = ("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE");
const SECRET: (&str, &str) = ("AWS_SECRET_ACCESS_KEY", "CANARY");
const FILE: &str = "/h/.aws/credentials";
const CONFIG: &str = "/h/.aws/config";

/// What was found, and the paths that were looked at for it.
struct Outcome {
    found: Result<Option<Credentials>, Error>,
    paths: Vec<String>,
}

fn look(source: &CredentialSource, variables: Texts<'_>, files: Texts<'_>) -> Outcome {
    let find =
        |list: Texts<'_>, name: &str| list.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
    let paths = RefCell::new(Vec::new());
    let environment = |name: &str| find(variables, name);
    let read = |path: &str| {
        paths.borrow_mut().push(path.to_owned());
        Ok(find(files, path))
    };
    let found = resolve(source, &Found { environment: &environment, read: &read });
    Outcome { found, paths: paths.into_inner() }
}

fn ambient(variables: Texts<'_>, files: Texts<'_>) -> Outcome {
    look(&CredentialSource::Ambient, variables, files)
}

fn profile(name: &str, variables: Texts<'_>, files: Texts<'_>) -> Outcome {
    look(&CredentialSource::Profile(name.to_owned()), variables, files)
}

impl Outcome {
    fn credentials(self) -> Credentials {
        self.found.expect("credentials are there").expect("they are not anonymous")
    }

    fn token(self) -> Option<String> {
        self.credentials().session_token().map(str::to_owned)
    }

    /// The error's text, which shows no secret.
    fn told(self) -> String {
        let error = self.found.expect_err("there is nothing to sign with");
        assert_eq!(error.kind(), ErrorKind::Credentials, "{error}");
        assert!(!format!("{error} {error:?}").contains(CANARY), "{error}");
        error.to_string()
    }
}

fn assert_says(text: &str, words: &[&str]) {
    for word in words {
        assert!(text.contains(word), "{word:?} is missing: {text}");
    }
}

#[test]
fn the_token_has_two_names_in_the_environment() {
    for (variables, token) in [
        (&[ID, SECRET, ("AWS_SECURITY_TOKEN", "CANARY/1")][..], Some("CANARY/1")),
        (&[ID, SECRET, ("AWS_SESSION_TOKEN", "CANARY/1")], Some("CANARY/1")),
        (&[ID, SECRET, ("AWS_SECURITY_TOKEN", "CANARY/1"), ("AWS_SESSION_TOKEN", "CANARY/1")], Some("CANARY/1")),
        (&[ID, SECRET, ("AWS_SECURITY_TOKEN", "CANARY/1"), ("AWS_SESSION_TOKEN", " ")], Some("CANARY/1")),
        (&[ID, SECRET, ("AWS_SECURITY_TOKEN", ""), ("AWS_SESSION_TOKEN", "CANARY/1")], Some("CANARY/1")),
        (&[ID, SECRET, ("AWS_SECURITY_TOKEN", "CANARY/1\n")], Some("CANARY/1")),
        (&[ID, SECRET, ("AWS_SECURITY_TOKEN", "")], None),
        (&[ID, SECRET, ("AWS_SECURITY_TOKEN", ""), ("AWS_SESSION_TOKEN", "")], None),
        (&[ID, SECRET, ("aws_security_token", "CANARY/1")], None),
    ] {
        assert_eq!(ambient(variables, &[]).token().as_deref(), token, "{variables:?}");
    }
}

#[test]
fn the_token_has_two_names_in_a_profile() {
    for (lines, token) in [
        ("aws_security_token = CANARY/1", Some("CANARY/1")),
        ("aws_session_token = CANARY/1", Some("CANARY/1")),
        ("AWS_Security_Token = CANARY/1", Some("CANARY/1")),
        ("aws_security_token = CANARY/1\naws_session_token = CANARY/1", Some("CANARY/1")),
        ("aws_security_token = CANARY/1\naws_session_token =", Some("CANARY/1")),
        ("aws_security_token =\naws_session_token = CANARY/1", Some("CANARY/1")),
        ("aws_security_token =", None),
    ] {
        let keys = format!("aws_access_key_id = AKIAEXAMPLE\naws_secret_access_key = CANARY\n{lines}\n");
        let (file, config) = (format!("[mail]\n{keys}"), format!("[profile mail]\n{keys}"));
        for (path, text) in [(FILE, &file), (CONFIG, &config)] {
            assert_eq!(profile("mail", &[HOME], &[(path, text)]).token().as_deref(), token, "{path}: {lines}");
        }
        let variables = [HOME, ("AWS_PROFILE", "mail")];
        assert_eq!(ambient(&variables, &[(FILE, &file)]).token().as_deref(), token, "{lines}");
    }
    let (keys, token) = (
        "[mail]\naws_access_key_id = AKIAEXAMPLE\naws_secret_access_key = CANARY\n",
        "[profile mail]\naws_security_token = CANARY/1\n",
    );
    assert_eq!(profile("mail", &[HOME], &[(FILE, keys), (CONFIG, token)]).token().as_deref(), Some("CANARY/1"));
}

/// Which of two different tokens belongs to the keys is a guess: it is asked, or the newer name counts.
#[test]
fn two_different_tokens_are_no_riddle() {
    let variables = [ID, SECRET, ("AWS_SECURITY_TOKEN", "CANARY/old"), ("AWS_SESSION_TOKEN", "CANARY/new")];
    let text = "[default]\naws_access_key_id = AKIAEXAMPLE\naws_secret_access_key = CANARY\n\
                aws_security_token = CANARY/old\naws_session_token = CANARY/new\n";
    for (outcome, names) in [
        (ambient(&variables, &[]), ["AWS_SECURITY_TOKEN", "AWS_SESSION_TOKEN"]),
        (ambient(&[HOME], &[(FILE, text)]), ["aws_security_token", "aws_session_token"]),
    ] {
        match outcome.found.is_ok() {
            true => assert_eq!(outcome.token().as_deref(), Some("CANARY/new")),
            false => assert_says(&outcome.told(), &names),
        }
    }
}

#[test]
fn a_bad_token_under_its_second_name_is_told() {
    let variables = [ID, SECRET, ("AWS_SECURITY_TOKEN", "CANARY CANARY")];
    assert_says(&ambient(&variables, &[]).told(), &["token", "blank inside"]);
}

/// The token of an environment never signs with the keys of a file.
#[test]
fn a_token_stays_with_its_keys() {
    let text = "[default]\naws_access_key_id = AKIAEXAMPLE\naws_secret_access_key = CANARY\n";
    for name in ["AWS_SECURITY_TOKEN", "AWS_SESSION_TOKEN"] {
        assert_eq!(ambient(&[HOME, (name, "CANARY/1")], &[(FILE, text)]).token(), None, "{name}");
    }
}

#[test]
fn without_a_home_no_file_is_made_up() {
    let tilde = ("AWS_SHARED_CREDENTIALS_FILE", "~/keys");
    for variables in [&[][..], &[("HOME", "")], &[("USERPROFILE", "")], &[("HOMEDRIVE", "C:")], &[tilde]] {
        for outcome in [ambient(variables, &[]), profile("mail", variables, &[])] {
            let strays = outcome.paths.iter().filter(|path| path.contains('~') || path.starts_with('.'));
            assert_eq!(strays.count(), 0, "{variables:?}: {:?}", outcome.paths);
            let text = outcome.told();
            assert_says(&text, &["HOME"]);
            assert!(!text.contains("~/.aws"), "{text}");
        }
    }
    assert_says(&ambient(&[], &[]).told(), &["access-key", "AWS_ACCESS_KEY_ID", "anonymous"]);
    assert_says(&profile("mail", &[], &[]).told(), &["\"mail\""]);
}

/// Nor does what needs no home fail for want of one.
#[test]
fn without_a_home_what_is_named_is_read() {
    assert_eq!(ambient(&[ID, SECRET], &[]).credentials().access_key_id(), "AKIAEXAMPLE");
    let text = "[default]\naws_access_key_id = AKIAFILE\naws_secret_access_key = CANARY\n";
    let (file, config) = (("AWS_SHARED_CREDENTIALS_FILE", "/k"), ("AWS_CONFIG_FILE", "/c"));
    for variables in [&[file][..], &[config], &[file, config]] {
        let outcome = ambient(variables, &[("/k", text), ("/c", text)]);
        assert!(outcome.paths.iter().all(|path| matches!(path.as_str(), "/k" | "/c")), "{:?}", outcome.paths);
        assert_eq!(outcome.credentials().access_key_id(), "AKIAFILE", "{variables:?}");
    }
    assert_says(&ambient(&[file, config], &[]).told(), &["/k", "/c"]);
    for home in [("USERPROFILE", "C:\\Users\\me"), ("HOME", "/h")] {
        assert!(!ambient(&[home], &[]).told().contains("HOME is not set"), "{home:?}");
    }
}

/// Quotes are a part of the value to whoever reads these files, and no key has them.
#[test]
fn quotes_around_keys_are_hinted_at() {
    let pairs = [
        ("\"AKIAEXAMPLE\"", "\"CANARY\""),
        ("'AKIAEXAMPLE'", "'CANARY'"),
        ("AKIAEXAMPLE", "\"CANARY\""),
        ("\"AKIAEXAMPLE\"", "CANARY"),
        ("AKIAEXAMPLE", "'CANARY/+='"),
    ];
    for (id, secret) in pairs {
        let text = format!("[default]\naws_access_key_id = {id}\naws_secret_access_key = {secret}\n");
        assert_hints_at_quotes(ambient(&[HOME], &[(FILE, &text)]));
        assert_hints_at_quotes(ambient(&[("AWS_ACCESS_KEY_ID", id), ("AWS_SECRET_ACCESS_KEY", secret)], &[]));
    }
    let text =
        "[default]\naws_access_key_id = AKIAEXAMPLE\naws_secret_access_key = CANARY\naws_session_token = \"CANARY\"\n";
    assert_hints_at_quotes(ambient(&[HOME], &[(FILE, text)]));
    let names = "[default]\n\"aws_access_key_id\" = AKIAEXAMPLE\n\"aws_secret_access_key\" = CANARY\n";
    assert_says(&ambient(&[HOME], &[(FILE, names)]).told(), &["quote"]);
}

/// The hint comes at once, or when the service has refused the signature.
fn assert_hints_at_quotes(outcome: Outcome) {
    match outcome.found.is_ok() {
        true => assert_says(outcome.credentials().hint().unwrap_or("no hint"), &["quote"]),
        false => assert_says(&outcome.told(), &["quote"]),
    }
}

#[test]
fn a_quote_inside_a_key_is_a_quote() {
    for secret in ["CAN\"ARY", "CANARY\"", "\"CANARY", "CAN'ARY", "'CANARY\"", "\""] {
        let text = format!("[default]\naws_access_key_id = AKIAEXAMPLE\naws_secret_access_key = {secret}\n");
        let credentials = ambient(&[HOME], &[(FILE, &text)]).credentials();
        assert_eq!(credentials.hint(), None, "{secret}");
    }
}

#[test]
fn a_profile_that_gets_its_keys_elsewhere_is_named_so() {
    for (lines, name) in [
        ("login_session = arn:aws:iam::123456789012:user/CANARY", "login_session"),
        ("login_session = CANARY\nregion = eu-central-1\noutput = json", "login_session"),
        ("region = eu-central-1\nsso_start_url = https://CANARY\nsso_region = eu-central-1", "sso_start_url"),
        ("sso_session = CANARY", "sso_session"),
        ("credential_process = CANARY", "credential_process"),
        ("role_arn = CANARY\nsource_profile = CANARY", "role_arn"),
        ("web_identity_token_file = /CANARY", "web_identity_token_file"),
    ] {
        for (path, text) in [(FILE, format!("[mail]\n{lines}\n")), (CONFIG, format!("[profile mail]\n{lines}\n"))] {
            let text = profile("mail", &[HOME], &[(path, &text)]).told();
            assert_says(&text, &["\"mail\"", name]);
            assert!(!text.contains("has neither"), "{lines}: {text}");
        }
        let text = ambient(&[HOME], &[(CONFIG, &format!("[default]\n{lines}\n"))]).told();
        assert_says(&text, &["\"default\"", name]);
    }
}

#[test]
fn a_profile_with_keys_beside_another_source_has_keys() {
    let text = "[mail]\nlogin_session = x\naws_access_key_id = AKIAEXAMPLE\naws_secret_access_key = CANARY\n";
    assert_eq!(profile("mail", &[HOME], &[(FILE, text)]).credentials().access_key_id(), "AKIAEXAMPLE");
}

/// A profile with other things in it is told what it lacks, and which file has it.
#[test]
fn a_profile_without_keys_is_told_what_it_lacks() {
    let text = profile("mail", &[HOME], &[(CONFIG, "[profile mail]\nregion = eu-central-1\n")]).told();
    assert_says(&text, &["\"mail\"", "aws_access_key_id", "aws_secret_access_key"]);
}
