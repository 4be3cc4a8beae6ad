-- For wrk: sentences of TEXTS, some to a request, each with a number, so that no cache knows it.

local lines = {}
for line in io.lines(os.getenv("TEXTS")) do
  lines[#lines + 1] = line:gsub('[\\"%c]', " ")
end
local count = tonumber(os.getenv("COUNT"))

-- No two of wrk's threads may ask for the same texts: the server would compute them once.
local threads = 0

function setup(thread)
  threads = threads + 1
  thread:set("number", threads)
end

function init()
  math.randomseed(os.time() * 100 + number)
end

function request()
  local texts = {}
  for index = 1, count do
    texts[index] = '"' .. lines[math.random(#lines)] .. " " .. number .. math.random(1e9) .. '"'
  end
  return wrk.format("POST", "/v1/embeddings", { ["content-type"] = "application/json" }, '{"input":[' .. table.concat(texts, ",") .. "]}")
end

function done(summary, latency)
  local errors = summary.errors
  local bad = errors.status + errors.connect + errors.read + errors.write + errors.timeout
  print(("row: %d %.3f %.1f %.1f %.1f %d"):format(summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(95) / 1e3, latency:percentile(99) / 1e3, bad))
end
