#pragma once

#include "dice.hpp"
#include "recorder.hpp"
#include "settings.hpp"

#include <tiercel/spi/backend.hpp>

#include <functional>
#include <map>
#include <string>
#include <vector>

namespace tiercel::simulation {

/// A server that stores bytes, shared by the links to it. It can stop (and answer everything later, in any order),
/// restart empty, be flushed, and lose what it has acknowledged. Time to live runs on its own steady clock.
/// Lifetime: outlives its links. Thread safety: none; the run has one thread.
class Server {
public:
    struct Stored {
        Bytes bytes;
        SteadyTime expires;
        spi::Version version{};
        std::size_t life = 0; ///< whose put it was
        Moment stored;
    };

    Server(std::shared_ptr<testing::VirtualRuntime> runtime, Recorder& recorder, const Settings& settings,
           std::uint32_t number);

    /// Calls `work` when the server gets to it: now, or once it runs again.
    void serve(std::function<void()> work);

    const Stored* find(const Bytes& key);
    void put(const Bytes& key, Bytes bytes, std::optional<std::chrono::milliseconds> ttl, std::size_t life);
    bool erase(const Bytes& key);
    /// What life a stored value has left, as the server tells it.
    std::optional<std::chrono::milliseconds> remaining(const Stored& stored) const;
    /// The bytes of some other key, or null.
    const Bytes* other_than(const Bytes& key, Dice& dice);
    const std::map<Bytes, Stored>& contents() const noexcept { return contents_; }

    void stop();
    void resume();
    void flush();
    void restart();
    bool stopped() const noexcept { return stopped_; }
    /// Moves with each restart: connections made before are lost.
    std::uint64_t incarnation() const noexcept { return incarnation_; }
    std::uint32_t number() const noexcept { return number_; }

private:
    const std::shared_ptr<testing::VirtualRuntime> runtime_;
    Recorder& recorder_;
    const Settings& settings_;
    const std::uint32_t number_;
    std::map<Bytes, Stored> contents_;
    std::vector<std::function<void()>> waiting_;
    std::uint64_t incarnation_ = 1;
    std::uint64_t versions_ = 0;
    bool stopped_ = false;
};

} // namespace tiercel::simulation
