#include "link.hpp"

#include "source_of_truth.hpp"

#include <boost/asio/async_result.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <cstring>

namespace tiercel::simulation {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using spi::Conditional;

namespace {

constexpr std::size_t header_bytes = 64;
constexpr std::size_t token_bytes = 8;

std::optional<Key> key_in(BytesView backend_key) {
    const auto colon = backend_key.find(':');
    if (colon == BytesView::npos || colon + 1 >= backend_key.size() || backend_key[colon + 1] != 'k')
        return std::nullopt;
    return key_of_text(Text(backend_key.substr(colon + 1)));
}

} // namespace

Value value_in(BytesView envelope) noexcept {
    if (is_lease(envelope)) envelope.remove_prefix(std::min(envelope.size(), header_bytes + token_bytes));
    if (envelope.size() != header_bytes + sizeof(Value)) return 0;
    Value value = 0;
    std::memcpy(&value, envelope.data() + header_bytes, sizeof value);
    return value;
}

bool is_lease(BytesView envelope) noexcept {
    constexpr std::size_t at_flags = 2;
    return envelope.size() >= header_bytes && (envelope[at_flags] & 2) != 0;
}

/// A request under way: the caller waits for `arrived`, once.
struct Link::Trip {
    std::function<void()> arrived;
    bool over = false;

    bool end() {
        if (over) return false;
        over = true;
        return true;
    }
};

Link::Link(std::shared_ptr<testing::VirtualRuntime> runtime, Server& server, Recorder& recorder,
           const Settings& settings, std::size_t life, std::string name, std::uint64_t seed)
    : runtime_(std::move(runtime)),
      server_(server),
      recorder_(recorder),
      settings_(settings),
      life_(life),
      name_(std::move(name)),
      dice_(seed) {}

spi::Capabilities Link::capabilities() const noexcept {
    spi::Capabilities can;
    can.conditional_writes = true;
    can.reads_ttl = settings_.reads_ttl;
    return can;
}

void Link::settle_down() noexcept {
    settled_down_ = true;
    cut_ = false;
}

Link::Fate Link::fate() {
    const auto& faults = settings_.faults;
    Fate fate;
    fate.there = dice_.between(0ms, settings_.pace.longest_trip);
    fate.back = dice_.between(0ms, settings_.pace.longest_trip);
    fate.no_connection = unlucky(faults.connection);
    fate.lost = cut_ || unlucky(faults.request_lost);
    fate.answer_lost = unlucky(faults.answer_lost);
    fate.patient = unlucky(faults.ignores_deadline);
    if (unlucky(faults.slow)) {
        const auto by = dice_.chance(0.5) ? settings_.tier_timeout : settings_.tier_timeout + dice_.between(0ms, 800ms);
        (dice_.chance(0.5) ? fate.there : fate.back) += by;
    }
    return fate;
}

std::vector<std::size_t> Link::record(ServerCall::Kind kind, std::span<const BytesView> keys,
                                      const spi::CallContext& context) {
    std::vector<std::size_t> calls;
    for (const auto key : keys) {
        ServerCall call;
        call.kind = kind;
        call.life = life_;
        call.server = server_.number();
        call.key = key_in(key);
        call.begin = recorder_.now();
        const bool bounded = context.deadline < SteadyTime::max() - 10s;
        call.deadline = bounded ? nanoseconds(context.deadline - recorder_.start()) : nanoseconds::max();
        call.request = calls.empty() ? recorder_.history().server_calls.size() : calls.front();
        calls.push_back(recorder_.add(call));
    }
    return calls;
}

asio::awaitable<void> Link::travel(std::vector<std::size_t> calls, spi::CallContext context,
                                   std::function<std::function<void()>()> apply,
                                   std::function<void(const Error&)> failed) {
    const Fate fate = this->fate();
    return asio::async_initiate<const asio::use_awaitable_t<>&, void()>(
        [self = shared_from_this(), fate, context, calls = std::move(calls), apply = std::move(apply),
         failed = std::move(failed)](auto handler) mutable {
            auto& runtime = *self->runtime_;
            const auto trip = std::make_shared<Trip>();
            auto shared = std::make_shared<decltype(handler)>(std::move(handler));
            trip->arrived = [shared, executor = runtime.executor()] { asio::post(executor, std::move(*shared)); };
            const auto fail = [self, trip, calls, failed](const Error& why) {
                if (!trip->end()) return;
                for (const auto call : calls) {
                    self->recorder_.server_call(call).end = self->recorder_.now();
                    self->recorder_.server_call(call).faulty = true;
                    self->recorder_.server_call(call).heard = ServerCall::Heard::failure;
                }
                failed(why);
                trip->arrived();
            };
            const auto answered = [self, trip, calls](const std::function<void()>& deliver) {
                if (!trip->end()) return;
                for (const auto call : calls) {
                    self->recorder_.server_call(call).end = self->recorder_.now();
                    self->recorder_.server_call(call).heard = ServerCall::Heard::answer;
                }
                deliver();
                trip->arrived();
            };
            const auto start = runtime.now();
            if (fate.no_connection) {
                runtime.call_at(start + fate.there,
                                [fail] { fail(Error(Errc::connection_failed, "nobody is there")); });
                return;
            }
            // A client that ignores its deadline ends some time all the same, so that a run does.
            const bool bounded = context.deadline < SteadyTime::max() - 10s;
            runtime.call_at(fate.patient ? (bounded ? context.deadline : start) + 3s
                                         : (bounded ? context.deadline : start + 1h),
                            [fail] { fail(Error(Errc::timeout, "the server did not answer")); });
            if (fate.lost) return;
            const auto connection = self->server_.incarnation();
            runtime.call_at(start + fate.there, [self, fate, connection, calls, apply, fail, answered] {
                self->server_.serve([self, fate, connection, calls, apply, fail, answered] {
                    if (self->server_.incarnation() != connection) {
                        fail(Error(Errc::connection_lost, "the server restarted"));
                        return;
                    }
                    for (const auto call : calls)
                        self->recorder_.server_call(call).applied = self->recorder_.now();
                    auto deliver = apply();
                    if (fate.answer_lost) return;
                    self->runtime_->call_at(self->runtime_->now() + fate.back,
                                            [deliver = std::move(deliver), answered] { answered(deliver); });
                });
            });
        },
        asio::use_awaitable);
}

asio::awaitable<std::vector<spi::Lookup>> Link::get_many(std::span<const BytesView> keys, spi::CallContext context) {
    const auto calls = record(ServerCall::Kind::get, keys, context);
    std::vector<Bytes> names(keys.begin(), keys.end());
    const auto answers = std::make_shared<std::vector<spi::Lookup>>(keys.size(), std::optional<spi::Found>());
    std::function<std::function<void()>()> apply = [this, calls, names, answers]() -> std::function<void()> {
        auto found = std::make_shared<std::vector<spi::Lookup>>();
        for (std::size_t i = 0; i < names.size(); ++i) {
            auto& record = recorder_.server_call(calls[i]);
            if (unlucky(settings_.faults.refused)) {
                record.faulty = true;
                found->emplace_back(Error(Errc::server_error, "refused"));
                continue;
            }
            const auto* stored = server_.find(names[i]);
            if (stored == nullptr) {
                found->emplace_back(std::optional<spi::Found>());
                continue;
            }
            spi::Found answer{stored->bytes, stored->version, server_.remaining(*stored)};
            if (unlucky(settings_.faults.torn) && !answer.value.empty()) {
                record.faulty = true;
                answer.value[dice_.below(answer.value.size())] ^= static_cast<char>(1U << dice_.below(8));
            }
            if (const auto* other = server_.other_than(names[i], dice_);
                other != nullptr && unlucky(settings_.faults.misdirected)) {
                record.faulty = true;
                answer.value = *other;
            }
            record.value = value_in(answer.value);
            record.negative = record.value == 0 && !is_lease(answer.value);
            found->emplace_back(std::optional<spi::Found>(std::move(answer)));
        }
        return [this, calls, found, answers] {
            for (std::size_t i = 0; i < calls.size(); ++i) {
                auto& record = recorder_.server_call(calls[i]);
                record.ok = bool((*found)[i]);
                if (!record.ok) record.heard = ServerCall::Heard::unclear;
            }
            *answers = std::move(*found);
        };
    };
    std::function<void(const Error&)> failed = [answers](const Error& why) { answers->assign(answers->size(), why); };
    co_await travel(calls, context, std::move(apply), std::move(failed));
    co_return std::move(*answers);
}

asio::awaitable<std::vector<Result<void>>> Link::put_many(std::span<const spi::PutItem> items,
                                                          spi::CallContext context) {
    std::vector<BytesView> views;
    for (const auto& item : items)
        views.push_back(item.key);
    const auto calls = record(ServerCall::Kind::put, views, context);
    struct Item {
        Bytes key, value;
        std::optional<std::chrono::milliseconds> ttl;
    };
    std::vector<Item> copies;
    for (std::size_t i = 0; i < items.size(); ++i) {
        copies.push_back({Bytes(items[i].key), Bytes(items[i].value), items[i].ttl});
        recorder_.server_call(calls[i]).value = value_in(items[i].value);
    }
    const auto answers = std::make_shared<std::vector<Result<void>>>(items.size());
    std::function<std::function<void()>()> apply = [this, calls, copies, answers]() -> std::function<void()> {
        std::vector<Result<void>> done;
        for (std::size_t i = 0; i < copies.size(); ++i) {
            auto& record = recorder_.server_call(calls[i]);
            if (unlucky(settings_.faults.refused)) {
                record.faulty = true;
                done.emplace_back(Error(Errc::out_of_memory, "refused"));
                continue;
            }
            if (unlucky(settings_.faults.store_lost)) {
                record.faulty = true;
            } else {
                server_.put(copies[i].key, copies[i].value, copies[i].ttl, life_);
            }
            done.emplace_back();
        }
        return [this, calls, done, answers] {
            for (std::size_t i = 0; i < calls.size(); ++i)
                recorder_.server_call(calls[i]).ok = bool(done[i]);
            *answers = done;
        };
    };
    std::function<void(const Error&)> failed = [answers](const Error& why) { answers->assign(answers->size(), why); };
    co_await travel(calls, context, std::move(apply), std::move(failed));
    co_return std::move(*answers);
}

asio::awaitable<std::vector<Result<bool>>> Link::erase_many(std::span<const BytesView> keys, spi::CallContext context) {
    const auto calls = record(ServerCall::Kind::erase, keys, context);
    std::vector<Bytes> names(keys.begin(), keys.end());
    const auto answers = std::make_shared<std::vector<Result<bool>>>(keys.size(), false);
    std::function<std::function<void()>()> apply = [this, calls, names, answers]() -> std::function<void()> {
        std::vector<Result<bool>> done;
        for (std::size_t i = 0; i < names.size(); ++i) {
            if (unlucky(settings_.faults.refused)) {
                recorder_.server_call(calls[i]).faulty = true;
                done.emplace_back(Error(Errc::read_only, "refused"));
            } else {
                done.emplace_back(server_.erase(names[i]));
            }
        }
        return [this, calls, done, answers] {
            for (std::size_t i = 0; i < calls.size(); ++i)
                recorder_.server_call(calls[i]).ok = bool(done[i]);
            *answers = done;
        };
    };
    std::function<void(const Error&)> failed = [answers](const Error& why) { answers->assign(answers->size(), why); };
    co_await travel(calls, context, std::move(apply), std::move(failed));
    co_return std::move(*answers);
}

asio::awaitable<std::vector<Result<bool>>> Link::touch_many(std::span<const BytesView> keys, std::chrono::milliseconds,
                                                            spi::CallContext) {
    co_return std::vector<Result<bool>>(keys.size(), Error(Errc::unsupported, "no touch here"));
}

asio::awaitable<Result<Conditional>> Link::put_if_absent(spi::PutItem item, spi::CallContext context) {
    const std::vector<BytesView> views{item.key};
    const auto calls = record(ServerCall::Kind::put, views, context);
    auto& recorded = recorder_.server_call(calls.front());
    recorded.conditional = true;
    recorded.lease = is_lease(item.value);
    recorded.value = value_in(item.value);
    const auto answer = std::make_shared<Result<Conditional>>(Conditional::conflict);
    std::function<std::function<void()>()> apply = [this, calls, key = Bytes(item.key), value = Bytes(item.value),
                                                    ttl = item.ttl, answer]() -> std::function<void()> {
        const bool there = server_.find(key) != nullptr;
        if (!there) server_.put(key, value, ttl, life_);
        return [this, calls, there, answer] {
            recorder_.server_call(calls.front()).ok = !there;
            *answer = there ? Conditional::conflict : Conditional::stored;
        };
    };
    std::function<void(const Error&)> failed = [answer](const Error& why) { *answer = why; };
    co_await travel(calls, context, std::move(apply), std::move(failed));
    co_return *answer;
}

asio::awaitable<Result<Conditional>> Link::put_if_version(spi::PutItem item, spi::Version expected,
                                                          spi::CallContext context) {
    const std::vector<BytesView> views{item.key};
    const auto calls = record(ServerCall::Kind::put, views, context);
    auto& recorded = recorder_.server_call(calls.front());
    recorded.conditional = true;
    recorded.lease = is_lease(item.value);
    recorded.value = value_in(item.value);
    const auto answer = std::make_shared<Result<Conditional>>(Conditional::conflict);
    std::function<std::function<void()>()> apply = [this, calls, expected, key = Bytes(item.key),
                                                    value = Bytes(item.value), ttl = item.ttl,
                                                    answer]() -> std::function<void()> {
        const auto* stored = server_.find(key);
        auto came = Conditional::absent;
        if (stored != nullptr) came = stored->version == expected ? Conditional::stored : Conditional::conflict;
        if (came == Conditional::stored) server_.put(key, value, ttl, life_);
        return [this, calls, came, answer] {
            recorder_.server_call(calls.front()).ok = came == Conditional::stored;
            *answer = came;
        };
    };
    std::function<void(const Error&)> failed = [answer](const Error& why) { *answer = why; };
    co_await travel(calls, context, std::move(apply), std::move(failed));
    co_return *answer;
}

asio::awaitable<Result<void>> Link::ping(spi::CallContext context) {
    const auto answer = std::make_shared<Result<void>>();
    std::function<std::function<void()>()> apply = [] { return std::function<void()>([] {}); };
    std::function<void(const Error&)> failed = [answer](const Error& why) { *answer = why; };
    co_await travel({}, context, std::move(apply), std::move(failed));
    co_return *answer;
}

} // namespace tiercel::simulation
