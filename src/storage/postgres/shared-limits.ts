/** The function that checks and counts limits for a gateway, as the newest migration defines it: one call is one round trip. */
export const LIMITS_FUNCTION = `CREATE OR REPLACE FUNCTION ongoingai_limits(operation TEXT, request JSONB) RETURNS JSONB LANGUAGE plpgsql AS $function$
DECLARE
  window_seconds CONSTANT BIGINT := 61;
  booked_ms CONSTANT BIGINT := 3600000;
  takes CONSTANT JSONB := request->'takes';
  exchange CONSTANT TEXT := request->>'id';
  lease CONSTANT BIGINT := (request->>'lease')::bigint;
  now_ms BIGINT;
  this_second BIGINT;
  at_second BIGINT;
  take JSONB;
  position INTEGER := 0;
  refused INTEGER := -1;
  states JSONB := '[]';
  used NUMERIC;
  held NUMERIC;
  reset NUMERIC;
  room NUMERIC;
  more BIGINT;
  cost CONSTANT BIGINT := (request->>'cost')::bigint;
  -- What subscriptions pay counts for some subjects, by the end of their names.
  included CONSTANT BIGINT := COALESCE((request->>'included')::bigint, 0);
BEGIN
  -- Counts for every caller, in the counters of all tenants. Until the end of the statement's transaction.
  PERFORM set_config('ongoingai.scope', 'all', true);
  -- One at a time for each counter, all in one order.
  IF operation <> 'read' AND operation <> 'renew' THEN
    PERFORM pg_advisory_xact_lock(hashtextextended(counter, 7307701003))
    FROM (SELECT DISTINCT element->>'c' AS counter FROM jsonb_array_elements(takes) AS element ORDER BY 1) AS counters;
  END IF;
  now_ms := floor(extract(epoch FROM clock_timestamp()) * 1000);
  this_second := now_ms / 1000;

  IF operation = 'settle' THEN
    FOR take IN SELECT element FROM jsonb_array_elements(takes) AS element LOOP
      IF take->>'k' = 'rate' AND take->>'f' = '1' THEN
        at_second := (request->>'second')::bigint;
        more := (request->>'tokens')::bigint - (take->>'a')::bigint;
        IF at_second <= this_second - window_seconds THEN
          at_second := this_second;
          more := greatest(0, more);
        END IF;
        INSERT INTO limit_rates VALUES (take->>'c', at_second, greatest(0, more))
          ON CONFLICT (counter, second) DO UPDATE SET amount = greatest(0, limit_rates.amount + more);
      END IF;
    END LOOP;
    IF cost + included + (request->>'tokens')::numeric = 0 THEN
      DELETE FROM limit_reservations WHERE id = exchange;
    ELSE
      UPDATE limit_reservations
        SET cost_nano_usd = cost + CASE WHEN subject LIKE '%&included' THEN included ELSE 0 END,
          tokens = (request->>'tokens')::bigint, booked = true, expires_ms = now_ms + booked_ms WHERE id = exchange;
    END IF;
  ELSIF operation = 'grow' THEN
    UPDATE limit_reservations
      SET cost_nano_usd = cost_nano_usd + cost + CASE WHEN subject LIKE '%&included' THEN included ELSE 0 END,
        tokens = limit_reservations.tokens + (request->>'tokens')::bigint
      WHERE id = exchange AND subject IN (SELECT element->>'c' FROM jsonb_array_elements(takes) AS element);
  ELSIF operation = 'ended' THEN
    DELETE FROM limit_leases WHERE id = exchange
      AND counter IN (SELECT element->>'c' FROM jsonb_array_elements(takes) AS element);
  ELSIF operation = 'renew' THEN
    UPDATE limit_leases SET expires_ms = now_ms + lease
      WHERE id IN (SELECT open->>'id' FROM jsonb_array_elements(request->'renew') AS open);
    UPDATE limit_reservations SET expires_ms = now_ms + lease
      WHERE NOT booked AND id IN (SELECT open->>'id' FROM jsonb_array_elements(request->'renew') AS open);
    DELETE FROM limit_leases WHERE expires_ms < now_ms;
    DELETE FROM limit_reservations WHERE expires_ms < now_ms;
    DELETE FROM limit_rates WHERE second <= this_second - window_seconds;
  END IF;

  IF operation IN ('admit', 'read', 'settle') THEN
    FOR take IN SELECT element FROM jsonb_array_elements(takes) AS element LOOP
      held := 0;
      reset := 0;
      IF take->>'k' = 'rate' THEN
        room := (take->>'l')::numeric - CASE WHEN take->>'f' = '1' THEN 1 ELSE (take->>'a')::numeric END;
        SELECT COALESCE(sum(amount), 0) INTO used FROM limit_rates
          WHERE counter = take->>'c' AND second > this_second - window_seconds;
        IF used > room THEN
          SELECT (second + window_seconds) * 1000 - now_ms INTO reset FROM (
            SELECT second, COALESCE(sum(amount) OVER (ORDER BY second DESC ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS later
            FROM limit_rates WHERE counter = take->>'c' AND second > this_second - window_seconds) AS buckets
          WHERE later <= room ORDER BY second LIMIT 1;
        END IF;
      ELSIF take->>'k' = 'conc' THEN
        SELECT count(*) INTO used FROM limit_leases WHERE counter = take->>'c' AND expires_ms >= now_ms;
      ELSE
        -- In one statement, so that it sees one moment: between two, a trace may be booked, and its reservation be gone.
        SELECT reserved.held, spent.amount + reserved.booked INTO held, used
          FROM (SELECT COALESCE(sum(CASE WHEN take->>'u' = 'cost' THEN cost_nano_usd + assumed_nano_usd ELSE tokens END), 0) AS amount
              FROM spend WHERE subject = take->>'c' AND slot_us >= (take->>'s')::bigint * 1000) AS spent,
            (SELECT COALESCE(sum(CASE WHEN take->>'u' = 'cost' THEN cost_nano_usd ELSE tokens END) FILTER (WHERE NOT booked), 0) AS held,
                COALESCE(sum(CASE WHEN take->>'u' = 'cost' THEN cost_nano_usd ELSE tokens END) FILTER (WHERE booked), 0) AS booked
              FROM limit_reservations
              WHERE subject = take->>'c' AND slot_us >= (take->>'s')::bigint * 1000 AND expires_ms >= now_ms) AS reserved;
        reset := CASE WHEN (take->>'e')::bigint = 0 THEN -1 ELSE greatest(0, (take->>'e')::bigint - now_ms) END;
      END IF;
      states := states || jsonb_build_array(jsonb_build_array(used::text, held::text, COALESCE(reset, 0)::text));
      -- The rule of src/limits/admission/decide.ts; budgets: 0 is soft, 1 hard, 2 strict.
      -- In parentheses: a THEN ends a condition here, whatever it belongs to.
      IF refused < 0 AND operation = 'admit' AND (CASE take->>'k'
        WHEN 'conc' THEN used >= (take->>'l')::numeric
        WHEN 'rate' THEN CASE WHEN take->>'f' = '1' THEN used >= (take->>'l')::numeric
          ELSE used + (take->>'a')::numeric > (take->>'l')::numeric END
        ELSE CASE take->>'f' WHEN '0' THEN false
          WHEN '1' THEN used + held >= (take->>'l')::numeric
          ELSE used >= (take->>'l')::numeric
            OR (held > 0 AND used + held + (take->>'a')::numeric > (take->>'l')::numeric) END END)
      THEN
        refused := position;
      END IF;
      position := position + 1;
    END LOOP;
  END IF;

  IF operation = 'admit' AND refused < 0 THEN
    FOR take IN SELECT element FROM jsonb_array_elements(takes) AS element LOOP
      IF take->>'k' = 'rate' THEN
        INSERT INTO limit_rates VALUES (take->>'c', this_second, (take->>'a')::bigint)
          ON CONFLICT (counter, second) DO UPDATE SET amount = limit_rates.amount + excluded.amount;
      ELSIF take->>'k' = 'conc' THEN
        INSERT INTO limit_leases VALUES (take->>'c', exchange, now_ms + lease)
          ON CONFLICT (counter, id) DO UPDATE SET expires_ms = excluded.expires_ms;
      END IF;
    END LOOP;
    INSERT INTO limit_reservations
      SELECT element->>'c', exchange, (request->>'slot')::bigint * 1000,
        COALESCE(max((element->>'a')::bigint) FILTER (WHERE element->>'u' = 'cost'), 0),
        COALESCE(max((element->>'a')::bigint) FILTER (WHERE element->>'u' = 'tokens'), 0), false, now_ms + lease
      FROM jsonb_array_elements(takes) AS element WHERE element->>'k' = 'budget' GROUP BY 1
      ON CONFLICT (subject, id) DO NOTHING;
  END IF;
  RETURN jsonb_build_object('refused', refused, 'second', this_second, 'states', states, 'missing', '[]'::jsonb);
END $function$`

/**
 * Tables of counters that several gateways share, in the database itself. They are not logged: they
 * hold running requests, and `spend` holds what was spent. A reservation stays, with the request's cost, until the trace's own
 * transaction has booked it there.
 */
export const SHARED_LIMITS: readonly string[] = [
  `CREATE UNLOGGED TABLE limit_rates (
    counter TEXT COLLATE "C" NOT NULL,
    second BIGINT NOT NULL,
    amount BIGINT NOT NULL,
    PRIMARY KEY (counter, second)
  )`,
  `CREATE UNLOGGED TABLE limit_leases (
    counter TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    expires_ms BIGINT NOT NULL,
    PRIMARY KEY (counter, id)
  )`,
  `CREATE UNLOGGED TABLE limit_reservations (
    subject TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    slot_us BIGINT NOT NULL,
    cost_nano_usd BIGINT NOT NULL,
    tokens BIGINT NOT NULL,
    booked BOOLEAN NOT NULL,
    expires_ms BIGINT NOT NULL,
    PRIMARY KEY (subject, id)
  )`,
  `CREATE INDEX limit_reservations_id ON limit_reservations (id)`,
]
