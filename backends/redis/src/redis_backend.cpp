#include "redis_backend.hpp"

#include "commands.hpp"
#include "error_reply.hpp"
#include "reading.hpp"
#include "stored_value.hpp"
#include "transport/in_parallel.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace tiercel::redis {

namespace asio = boost::asio;
using spi::CallContext;
using spi::Conditional;
using spi::Lookup;
using spi::PutItem;
using std::chrono::milliseconds;
using transport::in_parallel;
using ExchangePtr = std::shared_ptr<Exchange>;
using RecentPtr = std::shared_ptr<RecentWrites>; // null: replicas are not read

namespace {

constexpr std::string_view keys_per_scan = "512";
/// Far enough for anybody, and far from where the server's arithmetic overflows: 31,700 years.
constexpr milliseconds longest_ttl{1'000'000'000'000'000};

/// KEYS[1]; ARGV: the version that must still be there, the new stored value, its life in milliseconds or "".
constexpr std::string_view put_if_version_script =
    "local there = redis.call('GETRANGE', KEYS[1], -8, -1) "
    "if there == ARGV[1] then "
    "if ARGV[3] == '' then redis.call('SET', KEYS[1], ARGV[2]) "
    "else redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3]) end "
    "return 1 end "
    "if there == '' and redis.call('EXISTS', KEYS[1]) == 0 then return 0 end "
    "return -1";

Error bad_ttl(const Exchange& exchange) {
    return Error(Errc::invalid_option, exchange.label() + ": a TTL is zero or negative; erase the key instead");
}

Result<void> check(const PutItem& item, const Exchange& exchange) {
    if (item.ttl && *item.ttl <= milliseconds::zero()) return bad_ttl(exchange);
    if (item.value.size() > exchange.max_value_bytes()) {
        return Error(Errc::value_too_large, exchange.label() + ": a value of " + std::to_string(item.value.size()) +
                                                " bytes is over the limit of " +
                                                std::to_string(exchange.max_value_bytes()) +
                                                "; raise Options::max_reply_bytes");
    }
    return {};
}

/// A command of this size is to go into the next part of the batch.
bool is_full(const Commands& commands, std::size_t payload_bytes, const Exchange& exchange) {
    return commands.count() > 0 &&
           commands.bytes().size() + payload_bytes + Exchange::write_overhead > exchange.batch_bytes();
}

std::string ttl_text(milliseconds ttl) {
    return std::to_string(std::min(ttl, longest_ttl).count());
}

/// SET, with NX if `condition` is that.
void add_set(Commands& commands, const Exchange& exchange, const PutItem& item, BytesView stored, BytesView condition) {
    std::array<BytesView, 6> words{"SET", item.key, stored};
    std::size_t count = 3;
    std::string ttl;
    if (item.ttl) {
        ttl = ttl_text(*item.ttl);
        words[count++] = "PX";
        words[count++] = ttl;
    }
    if (!condition.empty()) words[count++] = condition;
    commands.add(std::span(words).first(count), exchange.slot_of(item.key));
}

asio::awaitable<std::vector<Result<void>>> do_put_many(ExchangePtr exchange, RecentPtr recent,
                                                       std::span<const PutItem> items, CallContext call) {
    std::vector<Result<void>> results;
    results.reserve(items.size());
    RecentWrites::Writing writing(std::move(recent));
    for (const auto& item : items)
        writing.add(item.key);
    bool all_answered = true;
    Bytes stored;
    while (results.size() < items.size()) {
        // Items that cannot be sent have their result at once; `sent` are the places of the others.
        Commands commands;
        std::vector<std::size_t> sent;
        while (results.size() < items.size()) {
            const auto& item = items[results.size()];
            auto checked = check(item, *exchange);
            if (checked) {
                if (is_full(commands, item.key.size() + item.value.size(), *exchange)) break;
                encode_stored(item.value, exchange->new_version(), stored);
                add_set(commands, *exchange, item, stored, {});
                sent.push_back(results.size());
            }
            results.push_back(std::move(checked));
        }
        if (sent.empty()) continue;
        auto answers = co_await exchange->run(std::move(commands), call.deadline);
        for (std::size_t i = 0; i < sent.size(); ++i) {
            if (!answers[i]) {
                all_answered = false;
                results[sent[i]] = answers[i].error();
            } else if (answers[i]->kind != Reply::Kind::status) {
                results[sent[i]] = exchange->unexpected_reply();
            }
        }
    }
    if (all_answered) writing.answered();
    co_return results;
}

/// One command per key, each answered with whether the key was there.
asio::awaitable<std::vector<Result<bool>>> do_each(ExchangePtr exchange, RecentPtr recent, BytesView command,
                                                   std::span<const BytesView> keys, std::string argument,
                                                   CallContext call) {
    std::vector<Result<bool>> results;
    results.reserve(keys.size());
    RecentWrites::Writing writing(std::move(recent));
    for (const auto key : keys)
        writing.add(key);
    bool all_answered = true;
    const std::size_t words = argument.empty() ? 2 : 3;
    while (results.size() < keys.size()) {
        Commands commands;
        while (results.size() + commands.count() < keys.size()) {
            const auto key = keys[results.size() + commands.count()];
            if (is_full(commands, key.size(), *exchange)) break;
            const std::array<BytesView, 3> line{command, key, argument};
            commands.add(std::span(line).first(words), exchange->slot_of(key));
        }
        auto answers = co_await exchange->run(std::move(commands), call.deadline);
        for (const auto& answer : answers) {
            if (!answer) {
                all_answered = false;
                results.emplace_back(answer.error());
            } else if (answer->kind != Reply::Kind::integer) {
                results.emplace_back(exchange->unexpected_reply());
            } else {
                results.emplace_back(answer->integer > 0);
            }
        }
    }
    if (all_answered) writing.answered();
    co_return results;
}

asio::awaitable<std::vector<Result<bool>>> refuse_ttl(ExchangePtr exchange, std::size_t keys) {
    co_return std::vector<Result<bool>>(keys, Result<bool>(bad_ttl(*exchange)));
}

asio::awaitable<Result<Conditional>> do_put_if_absent(ExchangePtr exchange, RecentPtr recent, PutItem item,
                                                      CallContext call) {
    if (auto checked = check(item, *exchange); !checked) co_return checked.error();
    Bytes stored;
    encode_stored(item.value, exchange->new_version(), stored);
    Commands commands;
    add_set(commands, *exchange, item, stored, "NX");
    RecentWrites::Writing writing(std::move(recent));
    writing.add(item.key);
    auto answers = co_await exchange->run(std::move(commands), call.deadline);
    const auto& answer = answers.front();
    if (!answer) co_return answer.error();
    writing.answered();
    if (answer->kind == Reply::Kind::status) co_return Conditional::stored;
    if (answer->kind == Reply::Kind::nil) co_return Conditional::conflict;
    co_return exchange->unexpected_reply();
}

asio::awaitable<Result<Conditional>> do_put_if_version(ExchangePtr exchange, RecentPtr recent, PutItem item,
                                                       spi::Version expected, CallContext call) {
    if (auto checked = check(item, *exchange); !checked) co_return checked.error();
    Bytes stored;
    encode_stored(item.value, exchange->new_version(), stored);
    const auto version = encode_version(expected);
    const std::string ttl = item.ttl ? ttl_text(*item.ttl) : std::string();
    const std::array<BytesView, 7> words{
        "EVAL", put_if_version_script, "1", item.key, BytesView(version.data(), version.size()), stored, ttl};
    Commands commands;
    commands.add(words, exchange->slot_of(item.key));
    RecentWrites::Writing writing(std::move(recent));
    writing.add(item.key);
    auto answers = co_await exchange->run(std::move(commands), call.deadline);
    const auto& answer = answers.front();
    if (!answer) co_return answer.error();
    writing.answered();
    if (answer->kind != Reply::Kind::integer) co_return exchange->unexpected_reply();
    switch (answer->integer) {
    case 1:
        co_return Conditional::stored;
    case 0:
        co_return Conditional::absent;
    default:
        co_return Conditional::conflict;
    }
}

asio::awaitable<void> ping_one(Exchange& exchange, std::string server, CallContext call, Result<void>& result) {
    const std::array<BytesView, 1> words{"PING"};
    Commands commands;
    commands.add(words);
    const auto answer = co_await exchange.run_at(std::move(server), std::move(commands), call.deadline);
    if (!answer) {
        result = answer.error();
    } else if (answer->kind != Reply::Kind::status) {
        result = exchange.unexpected_reply();
    }
}

asio::awaitable<Result<void>> do_ping(ExchangePtr exchange, CallContext call) {
    auto servers = co_await exchange->servers(call.deadline);
    if (!servers) co_return servers.error();
    std::vector<Result<void>> results(servers->size());
    std::vector<asio::awaitable<void>> pings;
    for (std::size_t i = 0; i < servers->size(); ++i)
        pings.push_back(ping_one(*exchange, std::move((*servers)[i]), call, results[i]));
    co_await in_parallel(std::move(pings));
    for (const auto& result : results)
        if (!result) co_return result;
    co_return Result<void>();
}

/// Between pages a scan is at a place of one server's own: "17" or, where there are several, "17@host:port". One server
/// after the other, by name.
asio::awaitable<Result<spi::ScanPage>> do_scan(ExchangePtr exchange, BytesView prefix, std::string cursor,
                                               CallContext call) {
    const auto servers = co_await exchange->servers(call.deadline);
    if (!servers) co_return servers.error();
    std::string server = servers->front();
    std::string place = "0";
    if (!cursor.empty()) {
        const auto at = cursor.find('@');
        place = cursor.substr(0, at);
        server = at == std::string::npos ? std::string() : cursor.substr(at + 1);
    }
    const auto glob = glob_of_prefix(prefix);
    const std::array<BytesView, 6> words{"SCAN", place, "MATCH", glob, "COUNT", keys_per_scan};
    Commands commands;
    commands.add(words);
    auto answer = co_await exchange->run_at(server, std::move(commands), call.deadline);
    if (!answer) co_return answer.error();
    auto& parts = answer->elements;
    if (parts.size() != 2 || parts[0].kind != Reply::Kind::bulk || parts[1].kind != Reply::Kind::array) {
        co_return exchange->unexpected_reply();
    }
    spi::ScanPage page;
    if (parts[0].text != "0") {
        page.cursor = std::move(parts[0].text);
        if (!server.empty()) page.cursor += "@" + server;
    } else if (const auto next = std::upper_bound(servers->begin(), servers->end(), server); next != servers->end()) {
        page.cursor = "0@" + *next;
    }
    page.keys.reserve(parts[1].elements.size());
    for (auto& key : parts[1].elements) {
        if (key.kind == Reply::Kind::error) co_return to_error(key.text, exchange->label());
        if (key.kind != Reply::Kind::bulk) co_return exchange->unexpected_reply();
        page.keys.push_back(std::move(key.text));
    }
    co_return page;
}

} // namespace

Bytes glob_of_prefix(BytesView prefix) {
    constexpr std::string_view special = "*?[]\\^-";
    Bytes glob;
    glob.reserve(prefix.size() + 1);
    for (const char c : prefix) {
        if (special.find(c) != std::string_view::npos) glob += '\\';
        glob += c;
    }
    glob += '*';
    return glob;
}

RedisBackend::RedisBackend(std::shared_ptr<Exchange> exchange, std::shared_ptr<RecentWrites> recent)
    : exchange_(std::move(exchange)), recent_(std::move(recent)) {}

RedisBackend::~RedisBackend() {
    RedisBackend::close();
}

spi::Capabilities RedisBackend::capabilities() const noexcept {
    return {.max_key_bytes = std::size_t{512} << 20,
            .binary_keys = true,
            .max_value_bytes = exchange_->max_value_bytes(),
            .conditional_writes = true,
            .scans = true,
            .reads_may_be_old = recent_ != nullptr};
}

asio::awaitable<std::vector<Lookup>> RedisBackend::get_many(std::span<const BytesView> keys, CallContext call) {
    return read_many(exchange_, recent_, keys, call);
}

asio::awaitable<std::vector<Result<void>>> RedisBackend::put_many(std::span<const PutItem> items, CallContext call) {
    return do_put_many(exchange_, recent_, items, call);
}

asio::awaitable<std::vector<Result<bool>>> RedisBackend::erase_many(std::span<const BytesView> keys, CallContext call) {
    return do_each(exchange_, recent_, "UNLINK", keys, {}, call);
}

asio::awaitable<std::vector<Result<bool>>> RedisBackend::touch_many(std::span<const BytesView> keys, milliseconds ttl,
                                                                    CallContext call) {
    // PEXPIRE with a life of nothing would erase.
    if (ttl <= milliseconds::zero()) return refuse_ttl(exchange_, keys.size());
    return do_each(exchange_, recent_, "PEXPIRE", keys, ttl_text(ttl), call);
}

asio::awaitable<Result<Conditional>> RedisBackend::put_if_absent(PutItem item, CallContext call) {
    return do_put_if_absent(exchange_, recent_, item, call);
}

asio::awaitable<Result<Conditional>> RedisBackend::put_if_version(PutItem item, spi::Version expected,
                                                                  CallContext call) {
    return do_put_if_version(exchange_, recent_, item, expected, call);
}

asio::awaitable<Result<void>> RedisBackend::ping(CallContext call) {
    return do_ping(exchange_, call);
}

asio::awaitable<Result<spi::ScanPage>> RedisBackend::scan(BytesView prefix, std::string cursor, CallContext call) {
    return do_scan(exchange_, prefix, std::move(cursor), call);
}

void RedisBackend::close() noexcept {
    exchange_->close();
}

} // namespace tiercel::redis
