-- For wrk: asks at random, and holds each answer to the one that it must be. Which request an answer is to, its request id says.

local cases = {}
for line in io.lines(os.getenv("CASES")) do
  local path, body, status, answer = line:match("^([^\t]*)\t([^\t]*)\t([^\t]*)\t(.*)$")
  cases[#cases + 1] = { path = path, body = body, status = tonumber(status), answer = answer }
end

local threads = {}
function setup(thread)
  thread:set("seed", #threads + os.time())
  threads[#threads + 1] = thread
end

function init()
  math.randomseed(seed)
  answered, wrong, first = 0, 0, ""
end

function request()
  local number = math.random(#cases)
  local case = cases[number]
  return wrk.format("POST", case.path, { ["x-request-id"] = tostring(number), ["content-type"] = "application/json" }, case.body)
end

function response(status, headers, body)
  answered = answered + 1
  local case = cases[tonumber(headers["x-request-id"]) or 0]
  if not case or case.status ~= status or case.answer ~= body then
    wrong = wrong + 1
    if first == "" then
      first = "status " .. status .. ", " .. body:sub(1, 200)
    end
  end
end

function done(summary)
  local answered, wrong = 0, 0
  for _, thread in ipairs(threads) do
    answered = answered + thread:get("answered")
    wrong = wrong + thread:get("wrong")
    if thread:get("first") ~= "" then
      print("soak: first wrong: " .. thread:get("first"))
    end
  end
  local errors = summary.errors
  if errors.connect + errors.read + errors.write + errors.timeout > 0 then
    print(("soak: socket errors: connect %d, read %d, write %d, timeout %d"):format(errors.connect, errors.read, errors.write, errors.timeout))
  end
  print(("soak: %d answered, %d wrong"):format(answered, wrong))
end
