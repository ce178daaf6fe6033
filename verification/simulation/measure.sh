#!/usr/bin/env bash
# Measures what the simulation takes for granted: the server's processor time for each statement of the lease protocol, warm.
#   crates/simulation/measure.sh DATA_DIRECTORY postgres://user@127.0.0.1:port/database
# The server runs on this machine, as its processes' times are read from /proc; the database is empty, and is filled.
set -euo pipefail
export PGOPTIONS="-c jit=off"
cd "$(dirname "$0")"
postmaster=$(head -1 "$1/postmaster.pid")
url=$2
work=$(mktemp -d)
trap 'rm -r "$work"' EXIT

cat ../postgres/migrations/*.sql | psql --quiet "$url"
psql --quiet "$url" -c "INSERT INTO keyward_log_head VALUES (1, 0, 7, 7)"
psql --quiet "$url" -c "SELECT keyward_append(7, 'key', 'key_0123456789abcdef', sha256('a'), NULL) FROM generate_series(1, 2)" >/dev/null

renew="WITH turn AS MATERIALIZED (SELECT pg_advisory_xact_lock_shared(1802988648, 0)),
    head AS MATERIALIZED (SELECT number, mark FROM turn, keyward_log_head FOR SHARE OF keyward_log_head),
    granted AS (INSERT INTO keyward_nodes (node, applied, renewals, lease_millis)
    SELECT 'node_' || :client_id::text, head.number, 1, 2000 FROM head WHERE CONDITION
    ON CONFLICT (node) DO UPDATE SET applied = excluded.applied, renewals = keyward_nodes.renewals + 1,
    lease_millis = excluded.lease_millis RETURNING 1),
    come_so_far AS (UPDATE keyward_nodes SET applied = 0 FROM head WHERE node = 'node_' || :client_id::text AND applied < 0
    AND head.number > 0 AND EXISTS (SELECT FROM keyward_changes WHERE number = 0 AND mark = 7))
    SELECT FROM granted;"
echo "${renew/CONDITION/head.number >= 0}" >"$work/renew"
echo "${renew/CONDITION/head.number < 0}" >"$work/behind"
echo "SELECT keyward_append(7, 'key', 'key_0123456789abcdef', sha256('a'), NULL);" >"$work/append"
# One new entry, as after a revocation.
cat >"$work/read" <<SQL
SELECT head.number, head.mark, CASE WHEN 1 = 0 THEN head.origin ELSE (SELECT mark FROM keyward_changes WHERE number = 1) END, entries.*
    FROM keyward_log_head AS head LEFT JOIN (SELECT number, mark, kind, key, digest, account FROM keyward_changes WHERE number > 1
    ORDER BY number LIMIT 512) AS entries ON TRUE ORDER BY entries.number;
SQL
cat >"$work/register" <<SQL
SELECT head.number, head.mark, node, applied, renewals, lease_millis FROM
    (SELECT number, mark FROM keyward_log_head WHERE one = 1) AS head LEFT JOIN keyward_nodes ON TRUE ORDER BY node;
SQL

# Microseconds that the server's processes have worked; those that have ended count in hundredths of a second.
worked() {
    local child sum=0
    for child in $(pgrep -P "$postmaster"); do
        sum=$((sum + $(cut -d' ' -f1 "/proc/$child/schedstat" 2>/dev/null || echo 0) / 1000))
    done
    read -r _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ user system _ <"/proc/$postmaster/stat"
    echo $((sum + (user + system) * 10000))
}

# A script, clients, and what to call it.
measure() {
    local before output count
    before=$(worked)
    output=$(pgbench -n -M prepared -f "$work/$1" -c "$2" -T 4 "$url" 2>/dev/null)
    count=$(sed -n 's/^number of transactions actually processed: \([0-9]*\).*/\1/p' <<<"$output")
    echo "$3, $2 clients: $((($(worked) - before) / count)) us of the processor, $(grep 'latency average' <<<"$output")"
}

for clients in 1 16; do
    measure renew "$clients" "renewal"
    measure behind "$clients" "renewal that is refused"
    measure read "$clients" "reading the log"
done
measure append 1 "append"
for nodes in 10 100 1000 10000; do
    psql --quiet "$url" -c "TRUNCATE keyward_nodes" \
        -c "INSERT INTO keyward_nodes SELECT 'node_0123456789abcdef' || i, 5, 1, 2000 FROM generate_series(1, $nodes) i" -c "ANALYZE"
    measure register 1 "register with $nodes nodes"
done
