use std::ops::Deref;
use std::sync::LazyLock;

use keyward_core::key::Digest;
use keyward_core::{AccountId, CredentialId};

pub(crate) const CHANNEL: &str = "{keyward}:log";

pub(crate) fn key_key(id: &CredentialId) -> String {
    format!("{{keyward}}:key:{id}")
}

pub(crate) const ACCOUNT_PREFIX: &str = "{keyward}:account:";

pub(crate) fn account_key(id: &AccountId) -> String {
    format!("{ACCOUNT_PREFIX}{id}")
}

pub(crate) fn digest_key(digest: &Digest) -> String {
    let hex: String = digest.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{{keyward}}:digest:{hex}")
}

pub(crate) struct Script(LazyLock<redis::Script>);

impl Script {
    pub(crate) const fn new(make: fn() -> redis::Script) -> Self {
        Self(LazyLock::new(make))
    }
}

impl Deref for Script {
    type Target = redis::Script;

    fn deref(&self) -> &redis::Script {
        &self.0
    }
}

/// ARGV: the head's mark.
pub(crate) static BEGIN: Script = Script::new(|| {
    redis::Script::new(
        "if redis.call('EXISTS', '{keyward}:head') == 0 then redis.call('HSET', '{keyward}:head', 'number', 0, 'mark', ARGV[1], 'origin', ARGV[1]) end",
    )
});

/// KEYS: the digest's key.
pub(crate) static FIND: Script = Script::new(|| {
    redis::Script::new(
        "local head = redis.call('HMGET', '{keyward}:head', 'number', 'mark')
         local id = redis.call('GET', KEYS[1])
         if not id then return {tonumber(head[1]), head[2], false, false} end
         local key = redis.call('GET', '{keyward}:key:' .. id)
         if not key then return {tonumber(head[1]), head[2], false, false} end
         local account = redis.call('GET', '{keyward}:account:' .. cjson.decode(key).account)
         return {tonumber(head[1]), head[2], key, account}",
    )
});

/// ARGV: ids and times. Only existing keys, only forwards.
pub(crate) static RECORD_USE: Script = Script::new(|| {
    redis::Script::new(
        "local function time(use) return tonumber(string.match(use, '^-?%d+')) end
         for i = 1, #ARGV, 2 do
           if redis.call('EXISTS', '{keyward}:key:' .. ARGV[i]) == 1 then
             local last = redis.call('HGET', '{keyward}:used', ARGV[i])
             if not last or time(last) < time(ARGV[i + 1]) then redis.call('HSET', '{keyward}:used', ARGV[i], ARGV[i + 1]) end
           end
         end",
    )
});

/// All or nothing. ARGV: JSON with `values` (`key`, `expected`: a value, `absent`, `present` or `any`, optional `new`), `listed` (`id`, `at`),
/// `entries` (`mark`, `what`). Returns 0, or the number of the first unexpected value.
pub(crate) static COMMIT: Script = Script::new(|| {
    redis::Script::new(
        "local request = cjson.decode(ARGV[1])
         for i, value in ipairs(request.values) do
           local current = redis.call('GET', value.key)
           if value.expected == 'absent' then
             if current then return {i, 0, ''} end
           elseif value.expected == 'present' then
             if not current then return {i, 0, ''} end
           elseif value.expected ~= 'any' and current ~= value.expected then
             return {i, 0, ''}
           end
         end
         for _, value in ipairs(request.values) do
           if value.new then redis.call('SET', value.key, value.new) end
         end
         for _, listed in ipairs(request.listed) do
           redis.call('ZADD', '{keyward}:keys', string.format('%.0f', listed.at), listed.id)
         end
         local number, mark = 0, ''
         for _, entry in ipairs(request.entries) do
           number = redis.call('HINCRBY', '{keyward}:head', 'number', 1)
           mark = entry.mark
           redis.call('HSET', '{keyward}:head', 'mark', mark)
           redis.call('XADD', '{keyward}:log', string.format('%.0f-0', number), 'mark', mark, 'what', entry.what)
           if number % 1000 == 0 then redis.call('XTRIM', '{keyward}:log', 'MAXLEN', 10000) end
         end
         redis.call('PUBLISH', '{keyward}:log', '')
         return {0, number, mark}",
    )
});

/// ARGV: the previous number, the limit.
pub(crate) static READ: Script = Script::new(|| {
    redis::Script::new(
        "local head = redis.call('HMGET', '{keyward}:head', 'number', 'mark', 'origin')
         local mark = head[3]
         if tonumber(ARGV[1]) > 0 then
           local at = redis.call('XRANGE', '{keyward}:log', ARGV[1] .. '-0', ARGV[1] .. '-0')
           mark = at[1] and at[1][2][2] or ''
         end
         local entries = {}
         for _, entry in ipairs(redis.call('XRANGE', '{keyward}:log', '(' .. ARGV[1] .. '-0', '+', 'COUNT', ARGV[2])) do
           entries[#entries + 1] = {entry[1], entry[2][2], entry[2][4]}
         end
         return {tonumber(head[1]), head[2], mark, entries}",
    )
});

/// Without a lease, records the position. ARGV: node, number, mark, lease in milliseconds.
pub(crate) static RENEW: Script = Script::new(|| {
    redis::Script::new(
        "local head = redis.call('HMGET', '{keyward}:head', 'number', 'mark')
         local known = redis.call('HGET', '{keyward}:nodes', ARGV[1])
         local applied, renewals, lease = 0, 0, ''
         if known then
           applied, renewals, lease = string.match(known, '^(%d+) (%d+) (%d+)$')
         end
         if head[1] ~= ARGV[2] or head[2] ~= ARGV[3] then
           local at = redis.call('XRANGE', '{keyward}:log', ARGV[2] .. '-0', ARGV[2] .. '-0')[1]
           if known and at and at[2][2] == ARGV[3] and tonumber(applied) < tonumber(ARGV[2]) then
             redis.call('HSET', '{keyward}:nodes', ARGV[1], ARGV[2] .. ' ' .. renewals .. ' ' .. lease)
           end
           return 0
         end
         redis.call('HSET', '{keyward}:nodes', ARGV[1], ARGV[2] .. ' ' .. string.format('%.0f', renewals + 1) .. ' ' .. ARGV[4])
         return 1",
    )
});

/// Returns 1 if the node has not renewed since. ARGV: node, renewals.
pub(crate) static EVICT: Script = Script::new(|| {
    redis::Script::new(
        "local known = redis.call('HGET', '{keyward}:nodes', ARGV[1])
         if not known or string.match(known, '^%d+ (%d+) %d+$') ~= ARGV[2] then return 0 end
         return redis.call('HDEL', '{keyward}:nodes', ARGV[1])",
    )
});

pub(crate) static NODES: Script = Script::new(|| {
    redis::Script::new(
        "local head = redis.call('HMGET', '{keyward}:head', 'number', 'mark')
         return {tonumber(head[1]), head[2], redis.call('HGETALL', '{keyward}:nodes')}",
    )
});
