-- What must be true of the rows whatever was done. Under each promise stands a query for whatever breaks it.
-- Whoever runs this has given `content`, the digest of each revision, and says `IS DISTINCT FROM` as the database
-- does. `subject` is a call or an EOI.

CREATE TEMP VIEW subject AS
SELECT id, version, state FROM eoi_call
UNION ALL SELECT id, version, state FROM eoi_eoi;

CREATE TEMP VIEW told AS
SELECT coalesce(eoi_id, call_id) AS subject_id, version, type, source, state, at, recorded_at FROM eoi_outbox;

CREATE TEMP VIEW done AS
SELECT h.subject_id, h.seq,
    CASE
        WHEN h.trigger = 'open' THEN 'call.opened'
        WHEN h.trigger = 'extend' THEN 'call.extended'
        WHEN h.trigger = 'close' THEN 'call.closed'
        WHEN h.trigger = 'cancel' AND c.id IS NOT NULL THEN 'call.cancelled'
        WHEN h.trigger = 'cancel' THEN 'eoi.cancelled'
        WHEN h.trigger = 'draft' THEN 'eoi.drafted'
        WHEN h.trigger = 'save' THEN 'eoi.saved'
        WHEN h.trigger = 'submit' THEN 'eoi.submitted'
        WHEN h.trigger = 'review' THEN 'eoi.reviewed'
        WHEN h.trigger = 'approve' THEN 'eoi.approved'
        WHEN h.trigger = 'decline' THEN 'eoi.declined'
        WHEN h.trigger = 'withdraw' THEN 'eoi.withdrawn'
        WHEN h.trigger = 'lapse' THEN 'eoi.lapsed'
        WHEN h.trigger = 'reinstate' THEN 'eoi.reinstated'
    END AS type,
    h.source, h.target, h.at, h.recorded_at
FROM eoi_history h LEFT JOIN eoi_call c ON c.id = h.subject_id;

CREATE TEMP VIEW save AS
SELECT subject_id AS eoi_id, seq AS version FROM eoi_history WHERE trigger IN ('draft', 'save');

-- Small tables, so that thousands of EOIs can be looked through.
CREATE TEMP TABLE deadline AS
SELECT call_id, position, closes_at FROM eoi_outbox WHERE type IN ('call.opened', 'call.extended');

CREATE TEMP TABLE ending AS
SELECT call_id, min(position) AS position FROM eoi_outbox
WHERE type IN ('call.closed', 'call.cancelled') GROUP BY call_id;

-- promise: nothing counts that arrived at or after the deadline
SELECT e.id, e.submitted_at, c.closes_at FROM eoi_eoi e JOIN eoi_call c ON c.id = e.call_id
WHERE e.submitted_at >= c.closes_at;

-- promise: nothing is taken in that arrived at or after the deadline as it then stood
SELECT type, eoi_id, at, closes_at FROM eoi_outbox
WHERE type IN ('eoi.drafted', 'eoi.saved', 'eoi.submitted') AND at >= closes_at;

-- promise: each event tells the deadline as it then stood
SELECT o.position, o.type, o.closes_at FROM eoi_outbox o
WHERE o.closes_at IS DISTINCT FROM (
    SELECT d.closes_at FROM deadline d WHERE d.call_id = o.call_id AND d.position <= o.position
    ORDER BY d.position DESC LIMIT 1
);

-- promise: nothing is taken in once the call is closed or cancelled
SELECT o.type, o.eoi_id FROM eoi_outbox o JOIN ending e ON e.call_id = o.call_id AND e.position < o.position
WHERE o.type IN ('eoi.drafted', 'eoi.saved', 'eoi.submitted', 'call.extended');

-- promise: no draft outlives its call
SELECT e.id FROM eoi_eoi e JOIN eoi_call c ON c.id = e.call_id WHERE e.state = 'draft' AND c.state <> 'open';

-- promise: a cancelled call leaves nothing live
SELECT e.id, e.state FROM eoi_eoi e JOIN eoi_call c ON c.id = e.call_id
WHERE c.state = 'cancelled' AND e.state IN ('draft', 'submitted', 'reviewed');

-- promise: a call is closed once, and one event tells of it
SELECT c.id, c.state FROM eoi_call c
WHERE CASE WHEN c.closed_at IS NULL THEN 0 ELSE 1 END
    <> (SELECT count(*) FROM eoi_history h WHERE h.subject_id = c.id AND h.trigger = 'close')
    OR CASE WHEN c.closed_at IS NULL THEN 0 ELSE 1 END
    <> (SELECT count(*) FROM eoi_outbox o WHERE o.call_id = c.id AND o.type = 'call.closed');

-- promise: history counts 1, 2, 3 up to the version and ends in the state
SELECT s.id, s.version, s.state FROM subject s
LEFT JOIN (
    SELECT subject_id, count(*) AS many, max(seq) AS newest, min(seq) AS oldest FROM eoi_history GROUP BY subject_id
) h ON h.subject_id = s.id
LEFT JOIN eoi_history l ON l.subject_id = s.id AND l.seq = s.version
WHERE s.version IS DISTINCT FROM h.many OR s.version IS DISTINCT FROM h.newest
    OR h.oldest IS DISTINCT FROM 1 OR s.state IS DISTINCT FROM l.target;

-- promise: history tells of nothing that is not there
SELECT subject_id FROM eoi_history WHERE subject_id NOT IN (SELECT id FROM subject);

-- promise: each change leaves from where the one before it came to
SELECT h.subject_id, h.seq FROM eoi_history h
LEFT JOIN eoi_history b ON b.subject_id = h.subject_id AND b.seq = h.seq - 1
WHERE h.source IS DISTINCT FROM b.target;

-- promise: each change is told
SELECT * FROM done EXCEPT SELECT * FROM told;

-- promise: nothing is told that was not done
SELECT * FROM told EXCEPT SELECT * FROM done;

-- promise: nothing is told twice
SELECT subject_id, version FROM told GROUP BY 1, 2 HAVING count(*) > 1;

-- promise: whatever needs a reason has one
SELECT h.subject_id, h.seq, h.trigger FROM eoi_history h
LEFT JOIN eoi_note n ON n.subject_id = h.subject_id AND n.seq = h.seq
WHERE n.reason IS NULL AND h.trigger IN ('extend', 'approve', 'decline', 'reinstate', 'cancel');

-- promise: only what was overtaken by the close is reinstated, once, as of its arrival
SELECT e.id, e.submitted_at FROM eoi_history h JOIN eoi_eoi e ON e.id = h.subject_id
WHERE h.trigger = 'reinstate' AND (
    e.submitted_at IS DISTINCT FROM (
        SELECT min(first_at) FROM eoi_attempt a
        WHERE a.subject_id = e.id AND a.trigger = 'submit' AND a.code = 'closed-in-flight'
    )
    OR (SELECT count(*) FROM eoi_history r WHERE r.subject_id = e.id AND r.trigger = 'reinstate') <> 1
);

-- promise: only what arrived in time and found the call closed, or may have and was seen late, is called closed-in-flight
SELECT a.subject_id, a.first_at, c.closes_at, c.closed_at FROM eoi_attempt a JOIN eoi_call c ON c.id = a.call_id
WHERE a.code = 'closed-in-flight'
    AND (c.closed_at IS NULL OR a.last_at >= c.closes_at OR c.closed_at < c.closes_at)
    AND NOT EXISTS (
        SELECT 1 FROM deadline d
        WHERE d.call_id = a.call_id AND a.first_at < d.closes_at AND d.closes_at <= a.last_at
    );

-- promise: an applicant has one live EOI for a call
SELECT call_id, applicant FROM eoi_eoi WHERE state NOT IN ('withdrawn', 'cancelled')
GROUP BY 1, 2 HAVING count(*) > 1;

-- promise: an idempotency key is kept only with its answer
SELECT scope FROM eoi_key WHERE answer = '';

-- promise: history has the digest of what was then saved
SELECT h.subject_id, h.seq FROM eoi_history h JOIN eoi_eoi e ON e.id = h.subject_id
WHERE h.digest IS DISTINCT FROM (
    SELECT r.digest FROM content r
    WHERE r.eoi_id = h.subject_id AND r.version <= h.seq ORDER BY r.version DESC LIMIT 1
);

-- promise: an EOI has the digest of its newest revision
SELECT e.id FROM eoi_eoi e
WHERE e.digest IS DISTINCT FROM (
    SELECT r.digest FROM content r WHERE r.eoi_id = e.id ORDER BY r.version DESC LIMIT 1
);

-- promise: each save leaves a revision
SELECT * FROM save EXCEPT SELECT eoi_id, version FROM eoi_revision;

-- promise: nothing but a save leaves a revision
SELECT eoi_id, version FROM eoi_revision EXCEPT SELECT * FROM save;
