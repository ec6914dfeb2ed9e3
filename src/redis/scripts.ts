import { createScript } from './script.ts'

/**
 * Shared by all. No script has a `#!lua` header: those are refused as a whole when memory is full, and
 * ending a session must work then. Without a header Redis refuses a write that needs memory only as a
 * script's first write; so `create` begins with such a write, and endings begin with one that frees.
 */
const shared = `
local function clock()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

-- A value of another type holds nothing of ours; every other error stays one.
local function ask(...)
  local reply = redis.pcall(...)
  if type(reply) == 'table' and reply.err then
    if string.find(reply.err, 'WRONGTYPE', 1, true) then return false end
    error(reply)
  end
  return reply
end

local function line(record)
  local head = ask('GETRANGE', record, 0, 16384)
  return head and string.match(head, '^([^\\n]*)\\n') or ''
end

local function listed(user, handle)
  return type(ask('ZSCORE', user, handle)) == 'string'
end

local function finish(handle, record, user, sid)
  local live = redis.call('EXISTS', record) == 1 and listed(user, handle)
  redis.call('UNLINK', record)
  ask('ZREM', user, handle)
  if sid then ask('SREM', sid, handle) end
  return live
end

-- Ten minutes: as long as a started login may take. A full Redis must not stop the ending itself.
local function mark(key)
  local reply = redis.pcall('SET', key, clock(), 'PX', 600000)
  if type(reply) == 'table' and reply.err and not string.find(reply.err, 'OOM', 1, true) then
    error(reply)
  end
end
`

const define = (body: string) => createScript(shared + body)

/**
 * KEYS: record, user key, marks of everybody and of the sub; with a sid its set and its mark; then of each
 * session to end in the same step its record, its user key and, with a sid, its set.
 * ARGV: value, handle, expires, idle timeout, start of the login ('' = unknown), 1 with a sid, most
 * sessions (0 = any number), 1 to refuse at that limit, what every record's name begins with; then of each
 * session to end its handle and 1 with a sid.
 * Answers `ended` or `refused`, having changed nothing; or `created`, the number of evicted sessions,
 * handle and clear line of each, then the handles of those that were presented and live.
 */
const create = define(`
local record, user, handle = KEYS[1], KEYS[2], ARGV[2]
local expires, started, most = tonumber(ARGV[3]), tonumber(ARGV[5]), tonumber(ARGV[7])
local now = clock()
local key, sid, sidMark = 5, nil, nil
if ARGV[6] == '1' then key, sid, sidMark = 7, KEYS[5], KEYS[6] end

if started then
  for _, name in ipairs({ KEYS[3], KEYS[4], sidMark }) do
    local at = tonumber(ask('GET', name) or '')
    if at and at >= started then return { 'ended' } end
  end
end
if redis.call('EXISTS', record) == 1 then return redis.error_reply('ERR the ticket is not new') end

local leaving, isLeaving = {}, {}
for i = 10, #ARGV, 2 do
  local one = { handle = ARGV[i], record = KEYS[key], user = KEYS[key + 1] }
  key = key + 2
  if ARGV[i + 1] == '1' then
    one.sid = KEYS[key]
    key = key + 1
  end
  leaving[#leaving + 1] = one
  isLeaving[one.handle] = true
end

local live, dead = {}, {}
if most > 0 then
  for _, member in ipairs(redis.call('ZRANGE', user, 0, -1)) do
    if redis.call('EXISTS', ARGV[9] .. member) == 0 then
      dead[#dead + 1] = member
    elseif not isLeaving[member] then
      live[#live + 1] = member
    end
  end
  if #live >= most and ARGV[8] == '1' then return { 'refused' } end
end

redis.call('ZADD', user, expires, handle)
local last = redis.call('ZRANGE', user, -1, -1, 'WITHSCORES')
redis.call('PEXPIREAT', user, last[2])
if sid then
  redis.call('SADD', sid, handle)
  if redis.call('PTTL', sid) < expires - now then redis.call('PEXPIREAT', sid, expires) end
end
redis.call('SET', record, ARGV[1], 'NX', 'PXAT', math.max(now + 1, math.min(now + ARGV[4], expires)))

redis.call('ZREMRANGEBYSCORE', user, '-inf', now)
for _, member in ipairs(dead) do redis.call('ZREM', user, member) end
local evicted = most > 0 and math.max(0, #live - most + 1) or 0
local reply = { 'created', evicted }
for i = 1, evicted do
  reply[#reply + 1] = live[i]
  reply[#reply + 1] = line(ARGV[9] .. live[i])
  finish(live[i], ARGV[9] .. live[i], user)
end
for _, one in ipairs(leaving) do
  if finish(one.handle, one.record, one.user, one.sid) then reply[#reply + 1] = one.handle end
end
return reply
`)

/** KEYS: record, user key. ARGV: handle, idle timeout, expires. Answers 1, or 0 where the session is gone. */
const touch = define(`
if not listed(KEYS[2], ARGV[1]) then return 0 end
local now, expires = clock(), tonumber(ARGV[3])
if expires <= now then return 0 end
return redis.call('PEXPIREAT', KEYS[1], math.min(now + ARGV[2], expires))
`)

/**
 * KEYS: record, user key. ARGV: handle, SHA-1 of the value that was read, new value. Answers 1 where it was
 * replaced, 0 where the session is gone, -1 where the record is another by now.
 */
const replace = define(`
local current = ask('GET', KEYS[1])
if not current or not listed(KEYS[2], ARGV[1]) then return 0 end
if redis.sha1hex(current) ~= ARGV[2] then return -1 end
redis.call('SET', KEYS[1], ARGV[3], 'XX', 'KEEPTTL')
return 1
`)

/**
 * KEYS: record, user key, the sub's mark, with a sid its set. ARGV: handle, 1 to mark, SHA-1 of the value that
 * was read ('' = any). Answers 1 where it was live; changes nothing where the record is another by now.
 */
const end = define(`
if ARGV[3] ~= '' and redis.sha1hex(ask('GET', KEYS[1]) or '') ~= ARGV[3] then return 0 end
local live = finish(ARGV[1], KEYS[1], KEYS[2], KEYS[4])
if ARGV[2] == '1' then mark(KEYS[3]) end
return live and 1 or 0
`)

/** KEYS: user key, with a log-out its mark. Answers the handles that the key listed; it is gone. */
const unlist = define(`
local handles = ask('ZRANGE', KEYS[1], 0, -1) or {}
redis.call('UNLINK', KEYS[1])
if KEYS[2] then mark(KEYS[2]) end
return handles
`)

/** KEYS: records. Answers for each its clear line ('' where it has none), or 0 where it was gone; all are gone. */
const remove = define(`
local lines = {}
for i, record in ipairs(KEYS) do
  lines[i] = redis.call('EXISTS', record) == 1 and line(record) or 0
  redis.call('UNLINK', record)
end
return lines
`)

/** KEYS: a mark, perhaps a set of a sid. Answers the set's handles. */
const logOut = define(`
mark(KEYS[1])
return KEYS[2] and ask('SMEMBERS', KEYS[2]) or {}
`)

/** KEYS: records. Answers for each its clear line ('' where it has none) and its PEXPIRETIME. */
const describe = define(`
local lines = {}
for _, record in ipairs(KEYS) do
  lines[#lines + 1] = line(record)
  lines[#lines + 1] = redis.call('PEXPIRETIME', record)
end
return lines
`)

/**
 * KEYS: a counter. ARGV: most, window, 1 to count one more. Answers 0 where there are fewer than that, and
 * else, counting nothing, after how many milliseconds the window ends. A window is never prolonged.
 */
const limit = define(`
local most, window = tonumber(ARGV[1]), tonumber(ARGV[2])
local used, left = 0, redis.call('PTTL', KEYS[1])
if left > 0 and left <= window then
  used = tonumber(ask('GET', KEYS[1]) or '') or 0
else
  left = window
end
if used >= most then return left end
if ARGV[3] == '1' then redis.call('SET', KEYS[1], used + 1, 'PX', left) end
return 0
`)

export const scripts = { create, touch, replace, end, unlist, remove, logOut, describe, limit }
