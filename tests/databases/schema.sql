-- Whatever stands in the schema of a PostgreSQL database: kind, name, part.
SELECT 'table', attrelid::regclass::text, concat_ws(' ', attname, format_type(atttypid, atttypmod),
    CASE WHEN attnotnull THEN 'not null' END, attidentity, attgenerated, attcollation::regcollation::text,
    pg_get_expr(adbin, adrelid))
FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
WHERE relkind IN ('r', 'v', 'm', 'p') AND relnamespace = current_schema()::regnamespace
    AND attnum > 0 AND NOT attisdropped
UNION ALL
SELECT 'index', indexrelid::regclass::text,
    concat_ws(' ', pg_get_indexdef(indexrelid), indisvalid, indisready)
FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid WHERE relnamespace = current_schema()::regnamespace
UNION ALL
SELECT 'constraint', conname, concat_ws(' ', conrelid::regclass, pg_get_constraintdef(oid), convalidated)
FROM pg_constraint WHERE connamespace = current_schema()::regnamespace
UNION ALL
SELECT 'trigger', tgname, concat_ws(' ', pg_get_triggerdef(pg_trigger.oid), tgenabled)
FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid
WHERE NOT tgisinternal AND relnamespace = current_schema()::regnamespace
UNION ALL
SELECT 'function', proname, pg_get_functiondef(oid) FROM pg_proc
WHERE pronamespace = current_schema()::regnamespace
UNION ALL
SELECT 'sequence', relname, '' FROM pg_class
WHERE relkind = 'S' AND relnamespace = current_schema()::regnamespace
UNION ALL
SELECT 'rule', rulename, definition FROM pg_rules WHERE schemaname = current_schema()
ORDER BY 1, 2, 3
