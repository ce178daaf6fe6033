-- Sends requests with the keys of a file, in turn: wrk … -- FILE HEADER PREFIX. Prints a line of JSON at the end.
local requests, at = {}, 0

function init(args)
  for key in io.lines(args[1]) do
    requests[#requests + 1] = wrk.format("GET", "/v1/resources", { [args[2]] = args[3] .. key })
  end
  if args[4] == "close" then
    for number, text in ipairs(requests) do
      requests[number] = text:gsub("\r\n\r\n$", "\r\nConnection: close\r\n\r\n")
    end
  end
end

function request()
  at = at % #requests + 1
  return requests[at]
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '\nfigures {"requests":%d,"microseconds":%d,"refused":%d,"broken":%d,"p99_us":%d}\n',
    summary.requests, summary.duration, errors.status,
    errors.connect + errors.read + errors.write + errors.timeout, latency:percentile(99)))
end
