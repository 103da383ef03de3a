//! What of a command's arguments is no value.

use super::words::Words;

/// Longest name of a command that is known.
const NAME_MAX: usize = 24;

/// What of the arguments stays. Options are words with what belongs to them: `#` a number, `_` a word that stays, `?`
/// one that does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rule {
    /// All of them.
    Keep,
    /// So many.
    First(usize),
    /// So many; then there is a value, and options behind it.
    Value(usize, &'static str),
    /// So many, and options behind them; nothing else.
    Options(usize, &'static str),
    /// So many, and options; then there are groups of words of these kinds.
    Groups(usize, &'static str, &'static str),
    /// Of a call the script or not, and the keys.
    Call { is_script_kept: bool },
}

/// The rule of a command; nothing when nobody knows it.
pub(super) fn rule(name: &str, words: &Words<'_>) -> Option<Rule> {
    let mut capitals = [0; NAME_MAX];
    let name = in_capitals(name, &mut capitals)?;
    if let Some(rule) = container(name, words) {
        return Some(rule);
    }
    Some(match name {
        "AUTH" | "ECHO" | "PING" => Rule::First(0),
        "APPEND" | "FT.AGGREGATE" | "FT.SEARCH" | "GEODIST" | "GEOHASH" | "GEOPOS" | "GETSET"
        | "HELLO" | "HSETEX" | "JSON.STRAPPEND" | "LPOS" | "LPUSH" | "LPUSHX" | "PFADD"
        | "PUBLISH" | "RPUSH" | "RPUSHX" | "SADD" | "SETNX" | "SISMEMBER" | "SMISMEMBER"
        | "SPUBLISH" | "SREM" | "TS.ADD" | "XADD" | "ZLEXCOUNT" | "ZMSCORE" | "ZRANGEBYLEX"
        | "ZREM" | "ZREMRANGEBYLEX" | "ZREVRANGEBYLEX" | "ZSCORE" => Rule::First(1),
        "HSETNX" | "JSON.ARRAPPEND" | "JSON.ARRINDEX" | "JSON.MERGE" | "JSON.SET" | "LINSERT"
        | "LREM" | "LSET" | "PSETEX" | "SETBIT" | "SETEX" | "SETRANGE" | "SMOVE" | "ZINCRBY" => {
            Rule::First(2)
        }
        "JSON.ARRINSERT" => Rule::First(3),
        "MIGRATE" => Rule::First(5),
        "SET" => Rule::Value(1, "EX# PX# EXAT# PXAT# NX XX KEEPTTL GET"),
        "ZRANK" | "ZREVRANK" => Rule::Value(1, "WITHSCORE"),
        "RESTORE" => Rule::Value(2, "REPLACE ABSTTL IDLETIME# FREQ#"),
        "GEORADIUSBYMEMBER" | "GEORADIUSBYMEMBER_RO" => Rule::Value(
            1,
            "# M KM FT MI WITHCOORD WITHDIST WITHHASH COUNT# ANY ASC DESC STORE_ STOREDIST_",
        ),
        "GEOSEARCH" => Rule::Options(1, GEOSEARCH),
        "GEOSEARCHSTORE" => Rule::Options(2, GEOSEARCH),
        "ZRANGE" => Rule::Options(1, ZRANGE),
        "ZRANGESTORE" => Rule::Options(2, ZRANGE),
        "BITFIELD" => Rule::Options(1, "GET__ SET__? INCRBY__# OVERFLOW_"),
        "GEOADD" => Rule::Groups(1, "NX XX CH", "##?"),
        "HSET" | "HMSET" => Rule::Groups(1, "", "_?"),
        "MSET" | "MSETNX" => Rule::Groups(0, "", "_?"),
        "JSON.MSET" => Rule::Groups(0, "", "__?"),
        "ZADD" => Rule::Groups(1, "NX XX GT LT CH INCR", "#?"),
        "EVAL" | "EVAL_RO" => Rule::Call {
            is_script_kept: false,
        },
        "EVALSHA" | "EVALSHA_RO" | "FCALL" | "FCALL_RO" => Rule::Call {
            is_script_kept: true,
        },
        _ => return without_values(name),
    })
}

const GEOSEARCH: &str = "# FROMMEMBER? FROMLONLAT## BYRADIUS# BYBOX## BYPOLYGON# M KM FT MI ASC DESC COUNT# ANY \
                         WITHCOORD WITHDIST WITHHASH STOREDIST";
const ZRANGE: &str = "# BYSCORE BYLEX REV LIMIT## WITHSCORES";

/// The rule of a command that has others in it.
fn container(name: &str, words: &Words<'_>) -> Option<Rule> {
    let is_container = matches!(
        name,
        "ACL" | "CONFIG" | "DEBUG" | "FUNCTION" | "MODULE" | "SCRIPT" | "SENTINEL"
    );
    let next = is_container.then(|| words.peek())??;
    let mut capitals = [0; NAME_MAX];
    let count = match (name, in_capitals(next, &mut capitals)?) {
        ("DEBUG", _) | ("FUNCTION", "LOAD" | "RESTORE") | ("SCRIPT", "LOAD") => 1,
        ("ACL", "SETUSER" | "DRYRUN") | ("MODULE", _) | ("SENTINEL", _) => 2,
        // `CONFIG SET parameter value`.
        ("CONFIG", "SET") => 2,
        _ => return None,
    };
    Some(Rule::First(count))
}

fn in_capitals<'a>(name: &str, buffer: &'a mut [u8; NAME_MAX]) -> Option<&'a str> {
    let buffer = buffer.get_mut(..name.len())?;
    buffer.copy_from_slice(name.as_bytes());
    buffer.make_ascii_uppercase();
    std::str::from_utf8(buffer).ok()
}

/// Whether a word at the start of a line of any text tells that it is a command: it stands in capitals, or is one of
/// those whose values the Collector hides.
pub(super) fn is_telling(name: &str) -> bool {
    let mut capitals = [0; NAME_MAX];
    match in_capitals(name, &mut capitals) {
        Some(
            "APPEND" | "AUTH" | "BITFIELD" | "CONFIG" | "GEOADD" | "GEODIST" | "GEOHASH" | "GEOPOS"
            | "GEORADIUSBYMEMBER" | "GETSET" | "HMSET" | "HSET" | "HSETNX" | "LINSERT" | "LPUSH"
            | "LPUSHX" | "LREM" | "LSET" | "MSET" | "MSETNX" | "PSETEX" | "RESTORE" | "RPUSH"
            | "RPUSHX" | "SADD" | "SET" | "SETBIT" | "SETEX" | "SETNX" | "SETRANGE" | "SISMEMBER"
            | "SMOVE" | "SREM" | "ZADD" | "ZINCRBY" | "ZRANK" | "ZREM" | "ZREVRANK" | "ZSCORE",
        ) => true,
        // A log record has its level in front.
        Some("DEBUG") => false,
        capitals => capitals == Some(name),
    }
}

/// The rule of commands without values.
fn without_values(name: &str) -> Option<Rule> {
    match name {
        "ACL" | "ASKING" | "BGREWRITEAOF" | "BGSAVE" | "BITCOUNT" | "BITFIELD_RO" | "BITOP"
        | "BITPOS" | "BLMOVE" | "BLMPOP" | "BLPOP" | "BRPOP" | "BRPOPLPUSH" | "BZMPOP"
        | "BZPOPMAX" | "BZPOPMIN" | "CLIENT" | "CLUSTER" | "COMMAND" | "CONFIG" | "COPY"
        | "DBSIZE" | "DECR" | "DECRBY" | "DEL" | "DISCARD" | "DUMP" | "EXEC" | "EXISTS"
        | "EXPIRE" | "EXPIREAT" | "EXPIRETIME" | "FAILOVER" | "FLUSHALL" | "FLUSHDB"
        | "FUNCTION" | "GEORADIUS" | "GEORADIUS_RO" | "GET" | "GETBIT" | "GETDEL" | "GETEX"
        | "GETRANGE" | "HDEL" | "HEXISTS" | "HEXPIRE" | "HEXPIREAT" | "HEXPIRETIME" | "HGET"
        | "HGETALL" | "HGETDEL" | "HGETEX" | "HINCRBY" | "HINCRBYFLOAT" | "HKEYS" | "HLEN"
        | "HMGET" | "HPERSIST" | "HPEXPIRE" | "HPEXPIREAT" | "HPEXPIRETIME" | "HPTTL"
        | "HRANDFIELD" | "HSCAN" | "HSTRLEN" | "HTTL" | "HVALS" | "INCR" | "INCRBY"
        | "INCRBYFLOAT" | "INFO" | "JSON.ARRLEN" | "JSON.ARRPOP" | "JSON.ARRTRIM"
        | "JSON.CLEAR" | "JSON.DEL" | "JSON.FORGET" | "JSON.GET" | "JSON.MGET"
        | "JSON.NUMINCRBY" | "JSON.NUMMULTBY" | "JSON.OBJKEYS" | "JSON.OBJLEN" | "JSON.RESP"
        | "JSON.STRLEN" | "JSON.TOGGLE" | "JSON.TYPE" | "KEYS" | "LASTSAVE" | "LATENCY" | "LCS"
        | "LINDEX" | "LLEN" | "LMOVE" | "LMPOP" | "LOLWUT" | "LPOP" | "LRANGE" | "LTRIM"
        | "MEMORY" | "MGET" | "MONITOR" | "MOVE" | "MULTI" | "OBJECT" | "PERSIST" | "PEXPIRE"
        | "PEXPIREAT" | "PEXPIRETIME" | "PFCOUNT" | "PFMERGE" | "PSUBSCRIBE" | "PSYNC" | "PTTL"
        | "PUBSUB" | "PUNSUBSCRIBE" | "QUIT" | "RANDOMKEY" | "READONLY" | "READWRITE"
        | "RENAME" | "RENAMENX" | "REPLCONF" | "REPLICAOF" | "RESET" | "ROLE" | "RPOP"
        | "RPOPLPUSH" | "SAVE" | "SCAN" | "SCARD" | "SCRIPT" | "SDIFF" | "SDIFFSTORE"
        | "SELECT" | "SHUTDOWN" | "SINTER" | "SINTERCARD" | "SINTERSTORE" | "SLAVEOF"
        | "SLOWLOG" | "SMEMBERS" | "SORT" | "SORT_RO" | "SPOP" | "SRANDMEMBER" | "SSCAN"
        | "SSUBSCRIBE" | "STRLEN" | "SUBSCRIBE" | "SUBSTR" | "SUNION" | "SUNIONSTORE"
        | "SUNSUBSCRIBE" | "SWAPDB" | "SYNC" | "TIME" | "TOUCH" | "TTL" | "TYPE" | "UNLINK"
        | "UNSUBSCRIBE" | "UNWATCH" | "WAIT" | "WAITAOF" | "WATCH" | "XACK" | "XACKDEL"
        | "XAUTOCLAIM" | "XCLAIM" | "XDEL" | "XDELEX" | "XGROUP" | "XINFO" | "XLEN"
        | "XPENDING" | "XRANGE" | "XREAD" | "XREADGROUP" | "XREVRANGE" | "XSETID" | "XTRIM"
        | "ZCARD" | "ZCOUNT" | "ZDIFF" | "ZDIFFSTORE" | "ZINTER" | "ZINTERCARD" | "ZINTERSTORE"
        | "ZMPOP" | "ZPOPMAX" | "ZPOPMIN" | "ZRANDMEMBER" | "ZRANGEBYSCORE" | "ZREMRANGEBYRANK"
        | "ZREMRANGEBYSCORE" | "ZREVRANGE" | "ZREVRANGEBYSCORE" | "ZSCAN" | "ZUNION"
        | "ZUNIONSTORE" => Some(Rule::Keep),
        _ => None,
    }
}
