#pragma once

#include "dice.hpp"
#include "recorder.hpp"
#include "settings.hpp"

#include <tiercel/loader.hpp>
#include <tiercel/writer.hpp>

#include <boost/asio/awaitable.hpp>

#include <string>
#include <vector>

namespace tiercel::simulation {

using Text = std::string;
Text text_of_key(Key key);
Key key_of_text(const Text& text);

/// The database: a version for each key, which loads read and writes advance, slowly, failing and hanging as the
/// settings have it. What it did is in the history as births.
/// Lifetime: outlives the caches that use it. Thread safety: none; the run has one thread.
class SourceOfTruth {
public:
    SourceOfTruth(std::shared_ptr<testing::VirtualRuntime> runtime, Recorder& recorder, const Settings& settings,
                  std::uint64_t seed);

    /// The loader and the writer of one life's cache.
    Loader<Text, Value> loader_for(std::size_t life);
    Writer<Text, Value> writer_for(std::size_t life);

    /// Somebody else changes the key: a new version, or none any more.
    void change(Key key);

    void make_all_exist();

    /// From now on nothing fails or takes long.
    void settle_down() noexcept { settled_down_ = true; }

private:
    struct Row {
        std::uint64_t version = 1;
        bool exists = true;
    };
    /// What a load or write will come to.
    struct Fate {
        nanoseconds before{}; ///< until the row is read or written
        nanoseconds after{};  ///< until the answer
        bool fails = false;
        bool happens = true; ///< of a write: it gets in
        bool cacheable = true;
        std::optional<nanoseconds> ttl;
    };
    using Loading = Result<Loaded<Value>>;

    Fate fate_of_load();
    Fate fate_of_write();
    std::size_t begin_load(std::size_t life, const Text& key, SteadyTime deadline);
    Loading finish_load(std::size_t birth, const Fate& fate, const Row& seen);
    void commit(std::size_t birth);
    Result<void> finish_write(std::size_t birth, const Fate& fate);
    boost::asio::awaitable<void> pause(nanoseconds duration);
    boost::asio::awaitable<Loading> load(std::size_t life, const Text& key, SteadyTime deadline);
    boost::asio::awaitable<Result<void>> write(Value value);

    const std::shared_ptr<testing::VirtualRuntime> runtime_;
    Recorder& recorder_;
    const Settings& settings_;
    Dice dice_;
    std::vector<Row> rows_;
    bool settled_down_ = false;
};

/// Resumes after `duration` of virtual time.
boost::asio::awaitable<void> pause_for(std::shared_ptr<testing::VirtualRuntime> runtime, nanoseconds duration);

} // namespace tiercel::simulation
