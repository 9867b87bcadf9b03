// Many threads do everything at once to a store, which must stay sound: memory_stress [operations [threads [seed]]].
// Without a number: 10 million operations; a thousand million with TIERCEL_LONG set; less under a sanitizer.

#include "memory/epochs.hpp"
#include "test_entry.hpp"

#include "support/effort.hpp"

#include <array>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <mutex>
#include <random>
#include <sstream>
#include <string>
#include <thread>

namespace tiercel::memory::test {
namespace {

using tiercel::test::effort;

using namespace std::chrono_literals;

constexpr std::uint64_t key_count = 4096;
constexpr std::uint64_t steps_of_a_life = 20'000; ///< then the thread ends and another takes its place
constexpr std::size_t shelf_size = 64;

[[noreturn]] void fail(const std::string& what) {
    std::cerr << "memory_stress: " << what << std::endl;
    std::_Exit(1);
}

void must(bool holds, const char* what) {
    if (!holds) fail(what);
}

struct Tally {
    std::atomic<std::uint64_t> made{0};
    std::atomic<std::uint64_t> destroyed{0};
    std::atomic<std::uint64_t> freed{0};
    std::atomic<std::uint64_t> never_stored{0}; ///< of the destroyed ones: nobody was told of them
};
Tally tally;

/// Its canary is right from construction to the destruction of the contents, and at no other time.
class WatchedEntry final : public detail::Entry {
public:
    WatchedEntry(std::uint64_t key, std::uint64_t key_hash) : Entry(key_hash), key_(key), canary_(alive(key)) {
        has_value_ = true;
        tally.made.fetch_add(1, std::memory_order_relaxed);
    }
    ~WatchedEntry() override {
        must(canary_ == destroyed, "a block was freed whose contents were not destroyed");
        canary_ = freed;
        tally.freed.fetch_add(1, std::memory_order_relaxed);
    }
    const void* key() const noexcept override { return &key_; }
    std::size_t block_bytes() const noexcept override { return sizeof(*this); }

    bool is_of(std::uint64_t key) const noexcept { return key_ == key && canary_ == alive(key); }
    bool is_alive() const noexcept { return canary_ == alive(key_); }
    void tell() noexcept { must(!told_.exchange(true), "the listener heard twice of one departure"); }

private:
    static constexpr std::uint64_t destroyed = 0xDE57'0F3D;
    static constexpr std::uint64_t freed = 0xF4EE'D000;
    static std::uint64_t alive(std::uint64_t key) noexcept { return detail::mix(key) | 1ULL << 63; }

    void destroy_contents() noexcept override {
        must(is_alive(), "contents were destroyed twice");
        canary_ = destroyed;
        tally.destroyed.fetch_add(1, std::memory_order_relaxed);
        if (!told_.load()) tally.never_stored.fetch_add(1, std::memory_order_relaxed);
    }

    const std::uint64_t key_;
    std::uint64_t canary_;
    std::atomic<bool> told_{false};
};

const WatchedEntry& watched(const detail::Entry& entry) {
    return static_cast<const WatchedEntry&>(entry);
}

bool holds_key(const detail::Entry& entry, const void* key) noexcept {
    must(watched(entry).is_alive(), "the key of a destroyed entry was looked at");
    return watched(entry).is_of(*static_cast<const std::uint64_t*>(key));
}

/// Every thirty-second key shares bucket and tag with 15 others.
std::uint64_t stress_hash(std::uint64_t key) {
    if (key % 32 != 0) return hash_of(key);
    return (hash_of(key % 256) & 0xFFFF'FFFF'0000'00FF) | (hash_of(key) & 0xFFFF'FF00);
}

class Stress {
public:
    Stress() : store_(options(), clock_) {}

    void run(std::uint64_t operations, unsigned threads, std::uint64_t seed) {
        std::vector<std::jthread> places;
        for (unsigned number = 0; number < threads; ++number)
            places.emplace_back([=, this] {
                std::uint64_t left = operations / threads + (number < operations % threads ? 1 : 0);
                for (std::uint64_t life = 0; left != 0; ++life) {
                    const std::uint64_t steps = std::min(left, steps_of_a_life);
                    std::jthread([&, this] { live(seed ^ (life * 1024 + number), steps); }).join();
                    left -= steps;
                }
            });
    }

    void finish() {
        for (auto& place : shelf_)
            EntryPtr(place.exchange(nullptr), false);
        check("at the end");
        const StoreStats before = store_.stats();
        store_.close();
        const StoreStats after = store_.stats();
        check("after close");
        must(after.entries == 0 && after.weight == 0, "something is left after close");
        must(before.inserts == stored_.load(), "stores and their count differ");
        must(told_.load() == stored_.load(), "entries stored and departures told differ");
        std::uint64_t removals = 0;
        for (const auto count : after.removals)
            removals += count;
        must(removals == told_.load(), "departures counted and told differ");
        must(tally.destroyed.load() == tally.made.load(), "entries made and destroyed differ");
        must(tally.never_stored.load() == refused_.load(), "entries refused, and destroyed unheard of, differ");
        // One thread at a time takes over what ended threads left; as many as there were take over all of it.
        must(tally.freed.load() <= tally.made.load(), "more blocks freed than made");
    }

    std::string summary() const {
        std::ostringstream out;
        out << stored_.load() << " stored, " << refused_.load() << " refused, " << read_.load() << " read, "
            << tally.made.load() - tally.freed.load() << " blocks waiting to be freed";
        return out.str();
    }

private:
    StoreOptions options() {
        StoreOptions options;
        options.max_entries = 1500;
        options.max_weight = 6000;
        options.shards = 4;
        options.expire_after_access = 20ms;
        options.holds_key = holds_key;
        options.on_removal = [this](const detail::Entry& entry, RemovalCause) {
            must(watched(entry).is_alive(), "the listener was given a destroyed entry");
            const_cast<WatchedEntry&>(watched(entry)).tell();
            told_.fetch_add(1, std::memory_order_relaxed);
        };
        return options;
    }

    void check(const std::string& when) {
        if (const std::string broken = store_.check_invariants(); !broken.empty()) fail(when + ": " + broken);
    }

    /// One thread's, from its begin to its end, when it still holds and has retired some.
    void live(std::uint64_t seed, std::uint64_t steps) {
        std::mt19937_64 random(seed);
        std::array<EntryPtr, 16> kept;
        std::uint64_t stored = 0;
        std::uint64_t refused = 0;
        std::uint64_t read = 0;
        const auto keep = [&](EntryPtr found, std::uint64_t key) {
            ++read;
            must(watched(*found).is_of(key), "a value is not the one of its key, or destroyed");
            EntryPtr& place = kept[random() % kept.size()];
            if (place != nullptr) must(watched(*place).is_alive(), "what a Handle holds was destroyed");
            const auto chance = random() % 16;
            if (chance < 2) place = std::move(found);
            if (chance == 2) // for another thread to drop
                EntryPtr(shelf_[random() % shelf_size].exchange(found.detach()), false);
        };
        for (std::uint64_t step = 0; step < steps; ++step) {
            const std::uint64_t key = skewed(random);
            const KeyRef ref{stress_hash(key), &key};
            const auto choice = random() % 100;
            if (choice < 50) {
                if (EntryPtr found = store_.find(ref)) keep(std::move(found), key);
            } else if (choice < 54) {
                read_many(random, keep);
            } else if (choice < 56) {
                if (EntryPtr found = store_.peek(ref)) keep(std::move(found), key);
            } else if (choice < 86) {
                (write(random, key, ref) ? stored : refused) += 1;
            } else if (choice < 98) {
                store_.erase(ref);
            } else if (choice == 98) {
                clock_.advance(10us);
                if (random() % 4 == 0) store_.expire();
            } else {
                rarely(random);
            }
        }
        stored_.fetch_add(stored, std::memory_order_relaxed);
        refused_.fetch_add(refused, std::memory_order_relaxed);
        read_.fetch_add(read, std::memory_order_relaxed);
    }

    /// Half of them among 16 keys, over which threads quarrel.
    static std::uint64_t skewed(std::mt19937_64& random) {
        const std::uint64_t drawn = random();
        return drawn % 2 == 0 ? (drawn >> 8) % 16 * 16 : (drawn >> 8) % key_count;
    }

    template <class Keep>
    void read_many(std::mt19937_64& random, Keep keep) {
        std::array<std::uint64_t, 20> keys; // more than one batch
        std::array<KeyRef, 20> refs;
        std::array<EntryPtr, 20> found;
        for (std::size_t i = 0; i < keys.size(); ++i) {
            keys[i] = skewed(random);
            refs[i] = {stress_hash(keys[i]), &keys[i]};
        }
        store_.find_many(refs, found.data());
        for (std::size_t i = 0; i < keys.size(); ++i)
            if (found[i] != nullptr) keep(std::move(found[i]), keys[i]);
    }

    bool write(std::mt19937_64& random, std::uint64_t key, const KeyRef& ref) {
        EntryPtr entry(new WatchedEntry(key, ref.hash));
        entry->weight = random() % 512 == 0 ? 100'000 : random() % 8;
        if (random() % 4 == 0) entry->expires = clock_.nanos() + static_cast<Nanos>(random() % 5'000'000);
        const std::uint64_t began = random() % 256 == 0 ? 0 : 1;
        return store_.insert(std::move(entry), fence_, began) == Insert::stored;
    }

    void rarely(std::mt19937_64& random) {
        const auto choice = random() % 200;
        if (choice == 0) {
            store_.clear();
        } else if (choice < 4) { // between its steps a shard is over its new bounds
            const std::lock_guard lock(bounds_);
            store_.set_bounds(200 + random() % 1800, 1000 + random() % 8000);
        } else if (choice == 4) {
            const auto names = eviction::names();
            store_.set_eviction(eviction::named(names[random() % names.size()]).value());
        } else if (choice == 5) {
            const std::lock_guard lock(bounds_);
            check("while threads churn");
        } else if (choice == 6) {
            Epochs::collect();
        }
    }

    ManualClock clock_;
    const std::atomic<std::uint64_t> fence_{1};
    std::mutex bounds_; ///< held to change the bounds and to look whether they are kept
    std::array<std::atomic<detail::Entry*>, shelf_size> shelf_{}; ///< holds a reference to each
    std::atomic<std::uint64_t> stored_{0};
    std::atomic<std::uint64_t> refused_{0};
    std::atomic<std::uint64_t> read_{0};
    std::atomic<std::uint64_t> told_{0};
    Store store_;
};

int stress(const std::vector<std::uint64_t>& arguments) {
    const std::uint64_t operations = !arguments.empty() ? arguments[0] : effort(10'000'000, 1'000'000'000);
    const auto threads = static_cast<unsigned>(arguments.size() > 1 ? arguments[1] : 8);
    const std::uint64_t seed = arguments.size() > 2 ? arguments[2] : 1;
    if (threads == 0) fail("needs a thread");
    Stress run;
    run.run(operations, threads, seed);
    run.finish();
    std::cout << "memory_stress: " << operations << " operations by " << threads << " threads, seed " << seed << ": "
              << run.summary() << '\n';
    return 0;
}

} // namespace
} // namespace tiercel::memory::test

int main(int argc, char** argv) {
    std::vector<std::uint64_t> arguments;
    for (int i = 1; i < argc; ++i)
        arguments.push_back(std::strtoull(argv[i], nullptr, 10));
    return tiercel::memory::test::stress(arguments);
}
