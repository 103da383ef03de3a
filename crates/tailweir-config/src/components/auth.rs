//! The authenticators: `basicauth` and `bearertokenauth`.

use crate::report::{Cause, Report};
use crate::setting::{Block, Secret, settings};

settings! {
    /// User names and passwords (RFC 7617): checks callers of receivers by `htpasswd`, signs the
    /// calls of exporters by `client_auth`.
    pub struct BasicAuth {
        /// The users that may call. For receivers.
        htpasswd: Option<HtPasswd> = None,
        /// The user that we are. For exporters.
        client_auth: Option<ClientCredentials> = None,
    }
    rules basic_rules;
}

fn basic_rules(auth: &mut BasicAuth, block: &mut Block<'_>, report: &mut Report) {
    match (&auth.htpasswd, &auth.client_auth) {
        (None, None) => {
            let text =
                "neither `htpasswd` (for receivers) nor `client_auth` (for exporters) is there";
            report.error_at(block.place(), Cause::Missing, text, "add one of them");
        }
        (Some(_), Some(_)) => {
            let text = "`htpasswd` and `client_auth` exclude each other";
            let fix = "use two extensions, `basicauth/server` and `basicauth/client`";
            report.error_at(block.at("client_auth"), Cause::Contradiction, text, fix);
        }
        _ => {}
    }
}

settings! {
    /// Users with their passwords, a line `user:password` each; passwords plain or hashed: bcrypt,
    /// `$apr1$`, `$5$`, `$6$`, `{SHA}`, `{SSHA}`.
    pub struct HtPasswd {
        /// Path of a file of such lines.
        file: String = String::new(),
        /// Such lines; they win over those of the file.
        inline: Secret = Secret::default(),
    }
    rules htpasswd_rules;
}

fn htpasswd_rules(users: &mut HtPasswd, block: &mut Block<'_>, report: &mut Report) {
    if users.file.is_empty() && users.inline.is_empty() {
        let text = "`htpasswd` names no users";
        report.error_at(
            block.place(),
            Cause::Missing,
            text,
            "add `file` or `inline`",
        );
    }
}

settings! {
    /// The user that an exporter is.
    pub struct ClientCredentials {
        /// Name.
        username: String = String::new(),
        /// Path of a file that holds the name; it wins, and is read again when it changes.
        username_file: String = String::new(),
        /// Password.
        password: Secret = Secret::default(),
        /// Path of a file that holds the password; it wins, and is read again when it changes.
        password_file: String = String::new(),
    }
    rules credentials_rules;
}

fn credentials_rules(user: &mut ClientCredentials, block: &mut Block<'_>, report: &mut Report) {
    if user.username.is_empty() && user.username_file.is_empty() {
        let text = "`client_auth` has no user name";
        report.error_at(
            block.place(),
            Cause::Missing,
            text,
            "add `username` or `username_file`",
        );
    }
}

settings! {
    /// A bearer token: signs the calls of exporters, checks callers of receivers.
    pub struct BearerTokenAuth {
        /// Header that carries the token.
        header: String = "Authorization".to_owned(),
        /// Word before the token. Empty: the token alone.
        scheme: String = "Bearer".to_owned(),
        /// The token.
        token: Secret = Secret::default(),
        /// Several tokens, each of which a receiver takes; an exporter sends the first.
        tokens: Vec<Secret> = Vec::new(),
        /// Path of a file of tokens, a line each; it wins, and is read again when it changes.
        filename: String = String::new(),
    }
    rules bearer_rules;
}

fn bearer_rules(auth: &mut BearerTokenAuth, block: &mut Block<'_>, report: &mut Report) {
    let plain = !auth.token.is_empty();
    if !plain && auth.tokens.is_empty() && auth.filename.is_empty() {
        let text = "no token is given";
        report.error_at(
            block.place(),
            Cause::Missing,
            text,
            "add `token`, `tokens` or `filename`",
        );
    }
    if plain && !auth.tokens.is_empty() {
        let text = "`token` and `tokens` exclude each other";
        report.error_at(
            block.at("tokens"),
            Cause::Contradiction,
            text,
            "keep one of them",
        );
    }
}
