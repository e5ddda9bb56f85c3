-- For the warm-up: counts answers that are not 200 with a body of the length given as the first argument.
-- wrk itself counts only statuses above 399. The measurement does without, since this slows wrk down.
wrong = 0

function setup(thread)
    only = thread
end

function init(args)
    length = tonumber(args[1])
end

function response(status, headers, body)
    if status ~= 200 or #body ~= length then
        wrong = wrong + 1
        example = status .. " with " .. #body .. " bytes"
    end
end

function done(summary, latency, requests)
    if only:get("wrong") > 0 then
        io.write("Wrong answers: " .. only:get("wrong") .. ", the last one " .. only:get("example") .. "\n")
    end
end
