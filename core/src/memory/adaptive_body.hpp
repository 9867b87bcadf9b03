#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace tiercel::memory {

/// What the candidates of adaptive's duel differ in.
struct Tuning {
    std::uint32_t probation_percent; ///< of the residents, at least one
    std::uint32_t wear;              ///< of so many looks in contests one takes a use away
};

/// Who leaves next, in a cache of two queues and ghosts: `probation`, a FIFO where newcomers begin, and `protected`,
/// a clock whose hand stands at the next to be looked at. It decides, and knows of the newcomer to come; the queues are
/// somebody else's, so that adaptive and the shadows of its duel run this very code.
///
/// Queues has a type Item, a value `none` of it, and
///     std::size_t in_probation(), in_protected()
///     Item oldest()                  in probation, or none
///     Item at_hand()                 in protected, or none
///     void pass()                    the hand moves on
///     void protect(Item)             moves oldest() to protected, where the hand comes last
///     std::uint8_t uses(Item), void set_uses(Item, std::uint8_t)
class AdaptiveBody {
public:
    static constexpr std::uint8_t most_uses = 7;  ///< counted in an entry
    static constexpr std::uint8_t first_uses = 1; ///< what a newcomer begins with in protected; in probation with none
    static constexpr std::uint64_t ghosts_per_entry = 2;

    /// A newcomer is to come, who `returns` if it has a ghost.
    void expect(bool returns) noexcept { is_challenger_ = is_admitted_ = returns; }

    /// Whether the newcomer goes to protected; it does so now.
    bool admit() noexcept {
        is_challenger_ = false;
        return std::exchange(is_admitted_, false);
    }

    /// Or none, if the queues have nobody to give. Expect it to leave before the next call.
    template <class Queues>
    typename Queues::Item victim(Queues& queues, const Tuning& tuning) noexcept {
        const std::size_t size = queues.in_probation() + queues.in_protected();
        const std::size_t share = share_of(size, tuning);
        if (is_challenger_ && queues.in_probation() >= share && queues.in_protected() != 0) {
            is_challenger_ = is_admitted_ = false;
            const auto loser = contest(queues, tuning);
            if (loser != Queues::none) {
                is_admitted_ = true;
                return loser;
            }
        }
        int burst = fill_burst;
        // So many steps empty probation and take every use away; readers who add some meanwhile do not keep us.
        for (std::size_t left = queues.in_probation() + most_uses * size; left != 0; --left) {
            auto item = Queues::none;
            if (queues.in_probation() > share || queues.in_protected() == 0) item = queues.oldest();
            if (item != Queues::none) {
                const bool fills = queues.in_protected() + 1 + share < size && burst > 0;
                if (queues.uses(item) < uses_to_protect) {
                    if (!fills) return item;
                    --burst;
                }
                queues.set_uses(item, 0);
                queues.protect(item);
                continue;
            }
            item = queues.at_hand();
            if (item == Queues::none) return queues.oldest();
            const std::uint8_t uses = queues.uses(item);
            if (uses == 0) return item;
            queues.set_uses(item, static_cast<std::uint8_t>(uses - 1));
            queues.pass();
        }
        const auto item = queues.at_hand();
        return item != Queues::none ? item : queues.oldest();
    }

private:
    static constexpr std::uint8_t uses_to_protect = 2;
    static constexpr int contest_looks = 3;
    static constexpr int fill_burst = 8;

    static std::size_t share_of(std::size_t size, const Tuning& tuning) noexcept {
        const std::size_t share = (size * tuning.probation_percent + 50) / 100;
        return std::clamp<std::size_t>(share, 1, std::max<std::size_t>(size, 2) - 1);
    }

    /// The first of a few in protected that has no uses left, or none.
    template <class Queues>
    typename Queues::Item contest(Queues& queues, const Tuning& tuning) noexcept {
        for (int look = 0; look < contest_looks; ++look) {
            const auto item = queues.at_hand();
            if (item == Queues::none) break;
            const std::uint8_t uses = queues.uses(item);
            if (uses == 0) return item;
            if (++looks_ >= tuning.wear) {
                looks_ = 0;
                queues.set_uses(item, static_cast<std::uint8_t>(uses - 1));
            }
            queues.pass();
        }
        return Queues::none;
    }

    std::uint32_t looks_ = 0;    ///< in contests, since the last that took a use away
    bool is_challenger_ = false; ///< the newcomer has a ghost, and has not been in a contest
    bool is_admitted_ = false;
};

} // namespace tiercel::memory
