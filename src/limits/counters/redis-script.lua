-- Counters that several gateways share. KEYS[1] is the prefix; ARGV are the operation and the request as JSON.
-- Everything is done in one go. The clock is Redis's. Amounts are texts in answers: JSON here keeps 14 digits.
local prefix, operation = KEYS[1], ARGV[1]
local request = cjson.decode(ARGV[2])
local time = redis.call('TIME')
local second = tonumber(time[1])
local now = second * 1000 + math.floor(tonumber(time[2]) / 1000)
local WINDOW = 61
-- Milliseconds for which a budget's window is kept that nobody asks for.
local LONGEST = 40 * 86400000

local function int(number)
  return string.format('%.0f', number)
end

-- Sum of the last minute in buckets of a second, and milliseconds until no more than `room` is left.
local function rate(key, room)
  local fields, sum, buckets = redis.call('HGETALL', key), 0, {}
  for i = 1, #fields, 2 do
    local at, amount = tonumber(fields[i]), tonumber(fields[i + 1])
    if at <= second - WINDOW then
      redis.call('HDEL', key, fields[i])
    else
      sum = sum + amount
      buckets[#buckets + 1] = { at, amount }
    end
  end
  if sum <= room then
    return sum, 0
  end
  table.sort(buckets, function(a, b) return a[1] < b[1] end)
  local left = sum
  for _, bucket in ipairs(buckets) do
    left = left - bucket[2]
    if left <= room then
      return sum, (bucket[1] + WINDOW) * 1000 - now
    end
  end
  return sum, 0
end

local function reserved(key, start)
  local fields, cost, tokens = redis.call('HGETALL', key), 0, 0
  for i = 1, #fields, 2 do
    local slot, c, t, expires = string.match(fields[i + 1], '^(%S+) (%S+) (%S+) (%S+)$')
    if tonumber(expires) < now then
      redis.call('HDEL', key, fields[i])
    elseif tonumber(slot) >= start then
      cost = cost + tonumber(c)
      tokens = tokens + tonumber(t)
    end
  end
  return cost, tokens
end

local function windowKey(take)
  return prefix .. 'b:' .. take.c .. ':' .. int(take.s)
end

local function expire(key, take)
  -- Rolling windows begin anew every quarter of an hour; those of all time are kept for as long as they are asked for.
  local ms = LONGEST
  if take.e > now then ms = math.min(ms, take.e - now + 3600000) end
  redis.call('PEXPIRE', key, int(ms))
end

local function state(take)
  if take.k == 'rate' then
    local room = take.l - take.a
    if take.f == 1 then room = take.l - 1 end
    local sum, reset = rate(prefix .. 'r:' .. take.c, room)
    return sum, 0, reset
  elseif take.k == 'conc' then
    local key = prefix .. 'c:' .. take.c
    redis.call('ZREMRANGEBYSCORE', key, '-inf', int(now))
    return redis.call('ZCARD', key), 0, 0
  end
  local used = tonumber(redis.call('HGET', windowKey(take), take.u) or '0')
  local cost, tokens = reserved(prefix .. 'v:' .. take.c, take.s)
  local held = cost
  if take.u == 'tokens' then held = tokens end
  local reset = -1
  if take.e > 0 then reset = math.max(0, take.e - now) end
  return used, held, reset
end

-- The rule of src/limits/admission/decide.ts. Budgets: 0 is soft, 1 hard, 2 strict.
local function refuses(take, used, held)
  if take.k == 'conc' then return used >= take.l end
  if take.k == 'rate' then
    if take.f == 1 then return used >= take.l end
    return used + take.a > take.l
  end
  if take.f == 0 then return false end
  if used >= take.l then return true end
  if take.f == 1 then return used + held >= take.l end
  return held > 0 and used + held + take.a > take.l
end

local function states()
  local list, refused = {}, -1
  for i, take in ipairs(request.takes) do
    local used, held, reset = state(take)
    list[i] = { int(used), int(held), int(reset) }
    if refused < 0 and refuses(take, used, held) then refused = i - 1 end
  end
  return list, refused
end

local function answer(refused, list, missing)
  return cjson.encode({ refused = refused, second = second, states = list, missing = missing })
end

-- What a request has reserved of a subject, by units.
local function reservations()
  local subjects = {}
  for _, take in ipairs(request.takes) do
    if take.k == 'budget' then
      local amounts = subjects[take.c] or { cost = 0, tokens = 0 }
      amounts[take.u] = math.max(amounts[take.u], take.a)
      subjects[take.c] = amounts
    end
  end
  return subjects
end

if operation == 'admit' or operation == 'read' then
  for _, seed in ipairs(request.seeds) do
    local key = prefix .. 'b:' .. seed[1] .. ':' .. int(seed[2])
    if redis.call('EXISTS', key) == 0 then
      redis.call('HSET', key, 'cost', int(seed[3]), 'tokens', int(seed[4]))
      redis.call('SADD', prefix .. 'w:' .. seed[1], int(seed[2]))
      redis.call('PEXPIRE', prefix .. 'w:' .. seed[1], int(LONGEST))
    end
  end
  local missing = {}
  for i, take in ipairs(request.takes) do
    if take.k == 'budget' then
      local key = windowKey(take)
      if redis.call('EXISTS', key) == 0 then missing[#missing + 1] = i - 1 else expire(key, take) end
    end
  end
  if #missing > 0 then return answer(-1, {}, missing) end
  local list, refused = states()
  if operation == 'read' or refused >= 0 then return answer(refused, list, {}) end
  for _, take in ipairs(request.takes) do
    if take.k == 'rate' then
      local key = prefix .. 'r:' .. take.c
      redis.call('HINCRBY', key, int(second), int(take.a))
      redis.call('EXPIRE', key, WINDOW + 1)
    elseif take.k == 'conc' then
      local key = prefix .. 'c:' .. take.c
      redis.call('ZADD', key, int(now + request.lease), request.id)
      redis.call('PEXPIRE', key, int(request.lease))
    end
  end
  for subject, amounts in pairs(reservations()) do
    local key = prefix .. 'v:' .. subject
    redis.call('HSET', key, request.id,
      int(request.slot) .. ' ' .. int(amounts.cost) .. ' ' .. int(amounts.tokens) .. ' ' .. int(now + request.lease))
    redis.call('PEXPIRE', key, int(request.lease * 2))
  end
  return answer(-1, list, {})
end

-- What a subject is charged: what subscriptions pay counts for some, by the end of their names.
local function costOf(subject)
  if string.sub(subject, -9) == '&included' then return request.cost + request.included end
  return request.cost
end

if operation == 'grow' then
  for subject in pairs(reservations()) do
    local key = prefix .. 'v:' .. subject
    local slot, cost, tokens, expires = string.match(redis.call('HGET', key, request.id) or '', '^(%S+) (%S+) (%S+) (%S+)$')
    if slot then
      redis.call('HSET', key, request.id,
        slot .. ' ' .. int(tonumber(cost) + costOf(subject)) .. ' ' .. int(tonumber(tokens) + request.tokens) .. ' ' .. expires)
    end
  end
elseif operation == 'ended' then
  for _, take in ipairs(request.takes) do
    if take.k == 'conc' then redis.call('ZREM', prefix .. 'c:' .. take.c, request.id) end
  end
elseif operation == 'settle' then
  local booked = {}
  -- A window that is not known is read from the ledger when it is asked for.
  local function book(key, subject)
    if not booked[key] and redis.call('EXISTS', key) == 1 then
      redis.call('HINCRBY', key, 'cost', int(costOf(subject)))
      redis.call('HINCRBY', key, 'tokens', int(request.tokens))
    end
    booked[key] = true
  end
  for _, take in ipairs(request.takes) do
    if take.k == 'rate' and take.f == 1 then
      local key, at = prefix .. 'r:' .. take.c, request.second
      local more = request.tokens - take.a
      if at <= second - WINDOW then at = second; more = math.max(0, more) end
      if redis.call('HINCRBY', key, int(at), int(more)) < 0 then redis.call('HSET', key, int(at), 0) end
      redis.call('EXPIRE', key, WINDOW + 1)
    elseif take.k == 'budget' then
      redis.call('HDEL', prefix .. 'v:' .. take.c, request.id)
      book(windowKey(take), take.c)
    end
  end
  -- Rolling windows may have moved on since the request began, and other budgets of the subject may have come.
  for subject in pairs(reservations()) do
    local starts = prefix .. 'w:' .. subject
    for _, start in ipairs(redis.call('SMEMBERS', starts)) do
      local key = prefix .. 'b:' .. subject .. ':' .. start
      if redis.call('EXISTS', key) == 0 then
        redis.call('SREM', starts, start)
      elseif tonumber(start) <= request.slot then
        book(key, subject)
      end
    end
  end
  local list = states()
  return answer(-1, list, {})
elseif operation == 'forget' then
  for _, take in ipairs(request.takes) do
    redis.call('DEL', windowKey(take))
    redis.call('HDEL', prefix .. 'v:' .. take.c, request.id)
  end
elseif operation == 'renew' then
  for _, open in ipairs(request.renew) do
    for _, take in ipairs(open.takes) do
      if take.k == 'conc' then
        local key = prefix .. 'c:' .. take.c
        redis.call('ZADD', key, 'XX', int(now + request.lease), open.id)
        redis.call('PEXPIRE', key, int(request.lease))
      else
        local key = prefix .. 'v:' .. take.c
        local kept = string.match(redis.call('HGET', key, open.id) or '', '^(%S+ %S+ %S+) %S+$')
        if kept then
          redis.call('HSET', key, open.id, kept .. ' ' .. int(now + request.lease))
          redis.call('PEXPIRE', key, int(request.lease * 2))
        end
      end
    end
  end
end
return answer(-1, {}, {})
