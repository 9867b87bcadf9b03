#include <tiercel/spi/blocking_backend.hpp>

#include "blocking/call.hpp"
#include "blocking/job_queue.hpp"

#include <functional>
#include <map>
#include <utility>

namespace tiercel::spi {

namespace {

using blocking::Call;
using blocking::CallJob;
using blocking::CallJobs;
using blocking::JobQueue;
using boost::asio::awaitable;

/// How long the destructor waits for calls in progress. They end by their deadlines if the client keeps its word; a
/// thread that is stuck beyond that is abandoned, with the client that it uses.
constexpr std::chrono::seconds stop_patience{30};

/// Copies of keys, or of keys and values, in one piece of memory: the caller's views end with its call, which may be
/// before the client is done with them.
class Copies {
public:
    explicit Copies(std::size_t bytes) { bytes_.reserve(bytes); }
    Copies(const Copies&) = delete;
    Copies& operator=(const Copies&) = delete;

    BytesView add(BytesView view) {
        const auto at = bytes_.size();
        bytes_ += view; // within what was reserved: earlier views stay valid
        return BytesView(bytes_).substr(at);
    }

private:
    Bytes bytes_;
};

std::size_t bytes_in(BytesView key) {
    return key.size();
}
std::size_t bytes_in(const PutItem& item) {
    return item.key.size() + item.value.size();
}
BytesView copy(BytesView key, Copies& copies) {
    return copies.add(key);
}
PutItem copy(const PutItem& item, Copies& copies) {
    return {.key = copies.add(item.key), .value = copies.add(item.value), .ttl = item.ttl};
}
BytesView key_of(BytesView key) {
    return key;
}
BytesView key_of(const PutItem& item) {
    return item.key;
}

/// Asks the client about some keys or items.
template <class Out, class In>
class ClientJob final : public CallJob<Out> {
public:
    using Ask = std::function<std::vector<Result<Out>>(BlockingClient&, std::span<const In>, SteadyTime)>;

    ClientJob(std::shared_ptr<BlockingClient> client, std::shared_ptr<Call<Out>> call, SteadyTime deadline,
              std::span<const In> all, std::vector<std::size_t> places, Ask ask)
        : CallJob<Out>(std::move(call), std::string(client->name()), deadline, places),
          client_(std::move(client)),
          ask_(std::move(ask)),
          copies_(bytes_at(all, places)) {
        inputs_.reserve(places.size());
        for (const auto place : places)
            inputs_.push_back(copy(all[place], copies_));
    }

private:
    static std::size_t bytes_at(std::span<const In> all, std::span<const std::size_t> places) {
        std::size_t bytes = 0;
        for (const auto place : places)
            bytes += bytes_in(all[place]);
        return bytes;
    }
    std::vector<Result<Out>> ask() override { return ask_(*client_, inputs_, this->deadline()); }

    const std::shared_ptr<BlockingClient> client_;
    const Ask ask_;
    Copies copies_;
    std::vector<In> inputs_;
};

template <class Out>
std::vector<Result<Out>> only(Result<Out> result) {
    std::vector<Result<Out>> results;
    results.push_back(std::move(result));
    return results;
}

class BlockingBackend final : public Backend {
public:
    BlockingBackend(std::shared_ptr<BlockingClient> client, BlockingOptions options)
        : client_(std::move(client)),
          queue_(std::make_shared<JobQueue>(std::string(client_->name()), options.threads, options.max_queued)) {}
    ~BlockingBackend() override { queue_->stop(stop_patience); }

    std::string_view name() const noexcept override { return client_->name(); }
    Capabilities capabilities() const noexcept override { return client_->capabilities(); }

    awaitable<std::vector<Lookup>> get_many(std::span<const BytesView> keys, CallContext call) override {
        return ask<std::optional<Found>, BytesView>(
            keys, call, [](auto& client, auto part, auto deadline) { return client.get_many(part, deadline); });
    }
    awaitable<std::vector<Result<void>>> put_many(std::span<const PutItem> items, CallContext call) override {
        return ask<void, PutItem>(
            items, call, [](auto& client, auto part, auto deadline) { return client.put_many(part, deadline); });
    }
    awaitable<std::vector<Result<bool>>> erase_many(std::span<const BytesView> keys, CallContext call) override {
        return ask<bool, BytesView>(
            keys, call, [](auto& client, auto part, auto deadline) { return client.erase_many(part, deadline); });
    }
    awaitable<std::vector<Result<bool>>> touch_many(std::span<const BytesView> keys, std::chrono::milliseconds ttl,
                                                    CallContext call) override {
        return ask<bool, BytesView>(keys, call, [ttl](auto& client, auto part, auto deadline) {
            return client.touch_many(part, ttl, deadline);
        });
    }
    awaitable<Result<Conditional>> put_if_absent(PutItem item, CallContext call) override {
        return ask_one<Conditional, PutItem>(item, call, [](auto& client, auto part, auto deadline) {
            return only(client.put_if_absent(part.front(), deadline));
        });
    }
    awaitable<Result<Conditional>> put_if_version(PutItem item, Version expected, CallContext call) override {
        return ask_one<Conditional, PutItem>(item, call, [expected](auto& client, auto part, auto deadline) {
            return only(client.put_if_version(part.front(), expected, deadline));
        });
    }
    awaitable<Result<void>> ping(CallContext call) override {
        return ask_one<void, BytesView>({}, call,
                                        [](auto& client, auto, auto deadline) { return only(client.ping(deadline)); });
    }
    awaitable<Result<ScanPage>> scan(BytesView prefix, std::string cursor, CallContext call) override {
        return ask_one<ScanPage, BytesView>(prefix, call,
                                            [cursor = std::move(cursor)](auto& client, auto part, auto deadline) {
                                                return only(client.scan(part.front(), cursor, deadline));
                                            });
    }
    void close() noexcept override { queue_->close(); }

private:
    /// Asks for all `inputs`, one job for each lane. `inputs` are copied before the coroutine first waits.
    template <class Out, class In>
    awaitable<std::vector<Result<Out>>> ask(std::span<const In> inputs, CallContext context,
                                            typename ClientJob<Out, In>::Ask ask) {
        if (inputs.empty()) co_return std::vector<Result<Out>>();
        std::map<std::size_t, std::vector<std::size_t>> lanes;
        for (std::size_t i = 0; i < inputs.size(); ++i)
            lanes[client_->lane(key_of(inputs[i]))].push_back(i);

        const auto executor = co_await boost::asio::this_coro::executor;
        auto call = std::make_shared<Call<Out>>(executor, context.deadline, inputs.size(), lanes.size());
        CallJobs<Out> jobs;
        for (auto& [lane, places] : lanes) {
            jobs.push_back(
                std::make_shared<ClientJob<Out, In>>(client_, call, context.deadline, inputs, std::move(places), ask));
        }
        auto outcomes = blocking::await_jobs<Out>(std::string(client_->name()), queue_, call, std::move(jobs));
        co_return co_await std::move(outcomes);
    }

    template <class Out, class In>
    awaitable<Result<Out>> ask_one(In input, CallContext context, typename ClientJob<Out, In>::Ask one) {
        auto outcomes = ask<Out, In>(std::span<const In>(&input, 1), context, std::move(one));
        auto results = co_await std::move(outcomes);
        co_return std::move(results.front());
    }

    const std::shared_ptr<BlockingClient> client_;
    const std::shared_ptr<JobQueue> queue_;
};

Error unsupported(const BlockingClient& client, std::string_view what) {
    return Error(Errc::unsupported, std::string(client.name()) + " cannot " + std::string(what));
}

} // namespace

Result<Conditional> BlockingClient::put_if_absent(const PutItem&, SteadyTime) {
    return unsupported(*this, "write on condition");
}
Result<Conditional> BlockingClient::put_if_version(const PutItem&, Version, SteadyTime) {
    return unsupported(*this, "write on condition");
}
Result<ScanPage> BlockingClient::scan(BytesView, const std::string&, SteadyTime) {
    return unsupported(*this, "list its keys");
}

Result<std::shared_ptr<Backend>> make_blocking_backend(std::shared_ptr<BlockingClient> client,
                                                       BlockingOptions options) {
    if (!client) return Error(Errc::invalid_option, "client: must not be null");
    if (options.threads == 0) return Error(Errc::invalid_option, "threads: must be at least 1");
    if (options.max_queued == 0) return Error(Errc::invalid_option, "max_queued: must be at least 1");
    return std::shared_ptr<Backend>(std::make_shared<BlockingBackend>(std::move(client), options));
}

} // namespace tiercel::spi
