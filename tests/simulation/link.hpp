#pragma once

#include "server.hpp"

#include <tiercel/spi/backend.hpp>

#include <memory>

namespace tiercel::simulation {

/// One life's way to a server: the backend that its cache is given. Requests travel on their own, each as slow and as
/// unlucky as the settings have it, so they overtake each other.
///
///     sent --lost / no connection--> nothing more
///       |
///     at the server (which may be stopped) --refused / applied / acknowledged and not applied
///       |
///     answered --lost / damaged / another key's--> the cache, unless its deadline has passed
///
/// Lifetime: held by the cache; the server and the recorder outlive it. Thread safety: none; the run has one thread.
class Link final : public spi::Backend, public std::enable_shared_from_this<Link> {
public:
    Link(std::shared_ptr<testing::VirtualRuntime> runtime, Server& server, Recorder& recorder, const Settings& settings,
         std::size_t life, std::string name, std::uint64_t seed);

    std::string_view name() const noexcept override { return name_; }
    spi::Capabilities capabilities() const noexcept override;
    boost::asio::awaitable<std::vector<spi::Lookup>> get_many(std::span<const BytesView> keys,
                                                              spi::CallContext call) override;
    boost::asio::awaitable<std::vector<Result<void>>> put_many(std::span<const spi::PutItem> items,
                                                               spi::CallContext call) override;
    boost::asio::awaitable<std::vector<Result<bool>>> erase_many(std::span<const BytesView> keys,
                                                                 spi::CallContext call) override;
    boost::asio::awaitable<std::vector<Result<bool>>>
    touch_many(std::span<const BytesView> keys, std::chrono::milliseconds ttl, spi::CallContext call) override;
    boost::asio::awaitable<Result<spi::Conditional>> put_if_absent(spi::PutItem item, spi::CallContext call) override;
    boost::asio::awaitable<Result<spi::Conditional>> put_if_version(spi::PutItem item, spi::Version expected,
                                                                    spi::CallContext call) override;
    boost::asio::awaitable<Result<void>> ping(spi::CallContext call) override;
    void close() noexcept override {}

    /// Nothing gets through while cut.
    void cut(bool is_cut) noexcept { cut_ = is_cut; }
    /// From now on nothing goes wrong.
    void settle_down() noexcept;

private:
    struct Trip;
    /// What is to happen to one request.
    struct Fate {
        nanoseconds there{}, back{};
        bool lost = false, answer_lost = false, no_connection = false, patient = false;
    };

    Fate fate();
    bool unlucky(double rate) { return !settled_down_ && rate > 0 && dice_.chance(rate); }
    std::vector<std::size_t> record(ServerCall::Kind kind, std::span<const BytesView> keys,
                                    const spi::CallContext& context);
    /// One request: `apply` is called at the server, and gives what is to be done when the answer arrives; `failed` is
    /// called instead when none does. The awaitable ends after one of them.
    boost::asio::awaitable<void> travel(std::vector<std::size_t> calls, spi::CallContext call,
                                        std::function<std::function<void()>()> apply,
                                        std::function<void(const Error&)> failed);

    const std::shared_ptr<testing::VirtualRuntime> runtime_;
    Server& server_;
    Recorder& recorder_;
    const Settings& settings_;
    const std::size_t life_;
    const std::string name_;
    Dice dice_;
    bool cut_ = false;
    bool settled_down_ = false;
};

/// The birth that an envelope's payload names, or that of the value that a lease carries; 0 if it is a negative, or no
/// envelope of ours.
Value value_in(BytesView envelope) noexcept;
bool is_lease(BytesView envelope) noexcept;

} // namespace tiercel::simulation
