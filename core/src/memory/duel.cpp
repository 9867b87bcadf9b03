#include "memory/duel.hpp"

#include "memory/fingerprint_ghost.hpp"

#include <tiercel/hash.hpp>

#include <algorithm>
#include <cmath>
#include <utility>

namespace tiercel::memory {
namespace {

/// Above the bits that choose the shard: each shard has its part of the sample.
constexpr unsigned sample_bits_at = 24;

constexpr std::uint64_t least_bound = 400;
constexpr std::uint64_t most_bound = 1024;
constexpr std::uint64_t bound_divisor = 256;

/// In the shadows' capacity of observed requests: how often to decide, and in how many all but 1/e is forgotten.
constexpr double decisions_each = 0.1;
constexpr double memory = 10;

/// The rate of sampling is 1 / 2^this: the largest with which a shadow is within its bound.
unsigned halvings_for(std::uint64_t capacity) {
    const std::uint64_t bound = std::clamp(capacity / bound_divisor, least_bound, most_bound);
    unsigned halvings = 0;
    while (capacity >> halvings > bound)
        ++halvings;
    return halvings;
}

std::uint64_t sample_for(std::uint64_t capacity) {
    return ((std::uint64_t{1} << halvings_for(capacity)) - 1) << sample_bits_at;
}

bool are_far_apart(std::uint64_t a, std::uint64_t b) {
    const auto [less, more] = std::minmax(a, b);
    return more - less > less / 2;
}

} // namespace

/// A cache of fingerprints.
///
///     heads: [ 2 - 0 ... ]       by fingerprint; the slots of one head are chained
///     slots: [ f u next chained | ... ]   in probation, protected or free, each a list linked by `next`
class Duel::Shadow {
public:
    using Item = std::uint16_t;
    static constexpr Item none = 0xFFFF;

    Shadow(const Tuning& tuning, std::size_t capacity) : tuning_(tuning), slots_(capacity), heads_(capacity, none) {
        ghosts_.resize(AdaptiveBody::ghosts_per_entry * capacity);
        for (std::size_t index = 0; index < capacity; ++index)
            push(free_, static_cast<Item>(index));
    }

    /// True if it was found; then it was used, else it is held from now on. Of the hash, the lowest bits matter.
    bool request(std::uint64_t hash) noexcept {
        const auto fingerprint = static_cast<std::uint32_t>(hash & fingerprint_mask);
        for (Item at = head_of(fingerprint); at != none; at = slots_[at].chained) {
            if (slots_[at].fingerprint != fingerprint) continue;
            if (uses(at) < AdaptiveBody::most_uses) set_uses(at, static_cast<std::uint8_t>(uses(at) + 1));
            return true;
        }
        body_.expect(ghosts_.take(detail::mix(fingerprint)));
        if (free_.size == 0) evict(body_.victim(*this, tuning_));
        const bool is_admitted = body_.admit();
        const Item fresh = pop(free_);
        slots_[fresh].fingerprint = fingerprint & fingerprint_mask;
        set_uses(fresh, is_admitted ? AdaptiveBody::first_uses : std::uint8_t{0});
        slots_[fresh].chained = std::exchange(head_of(fingerprint), fresh);
        push(is_admitted ? protected_ : probation_, fresh);
        return false;
    }

    std::size_t bytes() const noexcept {
        return slots_.capacity() * sizeof(Slot) + heads_.capacity() * sizeof(Item) + ghosts_.bytes();
    }

    // As AdaptiveBody wants it.
    std::size_t in_probation() const noexcept { return probation_.size; }
    std::size_t in_protected() const noexcept { return protected_.size; }
    Item oldest() const noexcept { return probation_.first; }
    Item at_hand() const noexcept { return protected_.first; }
    void pass() noexcept { push(protected_, pop(protected_)); }
    void protect(Item) noexcept { push(protected_, pop(probation_)); }
    std::uint8_t uses(Item item) const noexcept { return static_cast<std::uint8_t>(slots_[item].uses); }
    void set_uses(Item item, std::uint8_t uses) noexcept { slots_[item].uses = uses & AdaptiveBody::most_uses; }

private:
    static constexpr unsigned fingerprint_bits = 29;
    static constexpr std::uint32_t fingerprint_mask = (1U << fingerprint_bits) - 1;

    struct Slot {
        std::uint32_t fingerprint : fingerprint_bits = 0;
        std::uint32_t uses : 3 = 0;
        Item next = none;
        Item chained = none;
    };
    static_assert(sizeof(Slot) == 8 && AdaptiveBody::most_uses == 7);

    struct List {
        Item first = none;
        Item last = none;
        std::size_t size = 0;
    };

    void push(List& list, Item item) noexcept {
        slots_[item].next = none;
        (list.size++ == 0 ? list.first : slots_[list.last].next) = item;
        list.last = item;
    }
    Item pop(List& list) noexcept {
        const Item item = std::exchange(list.first, slots_[list.first].next);
        --list.size;
        return item;
    }

    Item& head_of(std::uint32_t fingerprint) noexcept {
        return heads_[static_cast<std::size_t>(std::uint64_t{fingerprint} * heads_.size() >> fingerprint_bits)];
    }

    /// The body's victim, which is the first of its list.
    void evict(Item item) noexcept {
        const std::uint32_t fingerprint = slots_[item].fingerprint;
        if (item == probation_.first) {
            ghosts_.put(detail::mix(fingerprint));
            pop(probation_);
        } else {
            pop(protected_);
        }
        Item* link = &head_of(fingerprint);
        while (*link != item)
            link = &slots_[*link].chained;
        *link = slots_[item].chained;
        push(free_, item);
    }

    const Tuning& tuning_;
    AdaptiveBody body_;
    FingerprintGhost ghosts_;
    std::vector<Slot> slots_;
    std::vector<Item> heads_; ///< as many as slots
    List free_;
    List probation_;
    List protected_;
};

Duel::Duel() : sample_(sample_for(0)) {}

Duel::~Duel() = default;

void Duel::change_part(std::uint64_t from, std::uint64_t to) noexcept {
    const std::lock_guard lock(mutex_);
    capacity_ += to - from;
    const bool is_ready = made_for_ != 0 && !are_far_apart(capacity_, made_for_);
    sample_.store(sample_for(is_ready ? made_for_ : capacity_), std::memory_order_relaxed);
    is_ready_.store(is_ready, std::memory_order_release);
}

void Duel::make_shadows() {
    const std::lock_guard lock(mutex_);
    if (is_ready_.load(std::memory_order_relaxed) || capacity_ == 0) return;
    std::vector<Shadow> fresh;
    fresh.reserve(candidates.size());
    const auto capacity = static_cast<std::size_t>(capacity_ >> halvings_for(capacity_));
    for (const Tuning& candidate : candidates)
        fresh.emplace_back(candidate, capacity);
    shadows_ = std::move(fresh);
    wins_ = {};
    undecided_ = 0;
    period_ = std::max(static_cast<std::uint32_t>(decisions_each * static_cast<double>(capacity)), 1U);
    forget_ = std::exp(-static_cast<double>(period_) / (memory * static_cast<double>(capacity)));
    made_for_ = capacity_;
    is_ready_.store(true, std::memory_order_release);
}

void Duel::observe_sampled(std::uint64_t hash) noexcept {
    const std::unique_lock lock(mutex_, std::try_to_lock);
    if (!lock || !is_ready_.load(std::memory_order_relaxed)) return;
    const std::uint64_t mixed = detail::mix(hash); // what the sample has in common, and the parts, is gone
    std::array<bool, candidates.size()> found;
    for (std::size_t i = 0; i < candidates.size(); ++i)
        found[i] = shadows_[i].request(mixed);
    for (std::size_t i = 0; i < candidates.size(); ++i)
        for (std::size_t j = 0; j < candidates.size(); ++j)
            if (found[i] && !found[j]) wins_[i][j] += 1;
    if (++undecided_ >= period_) decide();
}

void Duel::decide() noexcept {
    undecided_ = 0;
    const std::size_t chosen = choice_.load(std::memory_order_relaxed);
    std::size_t best = chosen;
    double best_lead = 0;
    for (std::size_t i = 0; i < candidates.size(); ++i) {
        const double won = wins_[i][chosen];
        const double lost = wins_[chosen][i];
        const double lead = won - lost;
        if (lead > best_lead && lead > std::sqrt(won + lost + 1)) {
            best = i;
            best_lead = lead;
        }
    }
    choice_.store(static_cast<std::uint32_t>(best), std::memory_order_relaxed);
    for (auto& row : wins_)
        for (double& count : row)
            count *= forget_;
}

std::size_t Duel::bytes() const {
    const std::lock_guard lock(mutex_);
    std::size_t bytes = sizeof(*this);
    for (const Shadow& shadow : shadows_)
        bytes += sizeof(Shadow) + shadow.bytes();
    return bytes;
}

} // namespace tiercel::memory
