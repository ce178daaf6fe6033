-- Asks keyward whether a request may pass: the action `lua.keyward` for HAProxy 2.6 or newer.
--
-- It requires the scopes in the variable txn.keyward_scope. A request that passes gets the identity headers. A request that
-- is refused gets keyward's status, headers and body. If keyward does not answer, no request passes.

local keyward = os.getenv("KEYWARD")
local timeout = tonumber(os.getenv("KEYWARD_TIMEOUT")) or 2000

local identity = {
    "keyward-key-id", "keyward-account", "keyward-mode", "keyward-kind", "keyward-scopes", "keyward-plan",
}

-- Client fields about the body or the connection, and fields that could contradict the ones set here.
local not_asked = {
    ["connection"] = true, ["content-length"] = true, ["expect"] = true, ["forwarded"] = true, ["host"] = true,
    ["keep-alive"] = true, ["te"] = true, ["trailer"] = true, ["transfer-encoding"] = true, ["upgrade"] = true,
    ["x-forwarded-for"] = true, ["x-forwarded-method"] = true, ["x-forwarded-proto"] = true,
    ["x-forwarded-uri"] = true, ["x-original-method"] = true, ["x-original-uri"] = true,
}

-- Fields of keyward's answer about its connection.
local not_told = { ["connection"] = true, ["content-length"] = true, ["date"] = true, ["transfer-encoding"] = true }

-- HAProxy's lists of values start at 0 in some places and at 1 in others.
local function values(list)
    local all = {}
    if list[0] ~= nil then all[1] = list[0] end
    for _, value in ipairs(list) do all[#all + 1] = value end
    return all
end

local function question(txn)
    local headers = {}
    for name, list in pairs(txn.http:req_get_headers()) do
        if not not_asked[name] then headers[name] = values(list) end
    end
    headers["x-forwarded-method"] = { txn.f:method() }
    -- The path as sent, so that keyward and the backend see the same.
    headers["x-forwarded-uri"] = { txn.f:pathq() }
    headers["x-forwarded-for"] = { txn.f:src() }
    headers["x-forwarded-proto"] = { txn.f:ssl_fc() == 1 and "https" or "http" }
    return headers
end

local function refuse(txn, answer)
    local reply = txn:reply()
    -- HAProxy's HTTP client makes an answer in HTML if keyward cannot be reached or does not answer.
    if answer == nil or answer.status == nil or answer.status < 400 or answer.headers["x-request-id"] == nil then
        reply:set_status(503)
        reply:add_header("content-type", "application/problem+json")
        reply:add_header("cache-control", "no-store")
        reply:add_header("retry-after", "2")
        reply:set_body('{"type":"about:blank","title":"Service Unavailable","status":503,"code":"SERVICE_UNAVAILABLE"}')
    else
        reply:set_status(answer.status)
        for name, list in pairs(answer.headers) do
            if not not_told[name] then
                for _, value in ipairs(values(list)) do reply:add_header(name, value) end
            end
        end
        reply:set_body(answer.body or "")
    end
    txn:done(reply)
end

core.register_action("keyward", { "http-req" }, function(txn)
    local scope = txn:get_var("txn.keyward_scope") or ""
    local done, answer = pcall(function()
        return core.httpclient():get {
            url = keyward .. "/forward-auth?scope=" .. scope,
            headers = question(txn),
            timeout = timeout,
        }
    end)
    if not done or answer == nil or answer.status ~= 200 then
        return refuse(txn, done and answer or nil)
    end
    for _, name in ipairs(identity) do
        local value = values(answer.headers[name] or {})[1]
        txn.http:req_del_header(name)
        if value ~= nil and value ~= "" then txn.http:req_set_header(name, value) end
    end
end, 0)
