#include "linearizability.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <set>
#include <utility>
#include <vector>

namespace tiercel::memory::test {
namespace {

using Kind = Operation::Kind;

constexpr unsigned most_threads = 32;

/// A state the register may be in, and which of the operations under way have taken effect.
struct Reached {
    std::uint64_t value = 0; ///< 0: nothing
    std::uint32_t done = 0;  ///< a bit for each thread
    auto operator<=>(const Reached&) const = default;
};

/// The value after the operation; empty if it cannot happen at that value.
std::optional<std::uint64_t> apply(const Operation& operation, std::uint64_t value, Loss loss) {
    switch (operation.kind) {
    case Kind::put:
        return operation.value;
    case Kind::clear:
        return 0;
    case Kind::get:
        if (operation.value == value) return value;
        if (operation.value != 0 || loss == Loss::never) return std::nullopt;
        return loss == Loss::for_good ? 0 : value;
    case Kind::erase:
        if (operation.was_there ? value == 0 : value != 0 && loss == Loss::never) return std::nullopt;
        return 0;
    }
    return std::nullopt;
}

class Search {
public:
    explicit Search(Loss loss) : loss_(loss) {}

    void invoke(const Operation& operation) {
        under_way_[operation.thread] = &operation;
        invoked_ |= 1U << operation.thread;
    }

    /// False if nothing that could have been has it taken effect.
    bool respond(const Operation& operation) {
        const std::uint32_t bit = 1U << operation.thread;
        std::set<Reached> seen;
        std::set<Reached> after;
        std::vector<Reached> open(reached_.begin(), reached_.end());
        while (!open.empty()) {
            Reached at = open.back();
            open.pop_back();
            if (!seen.insert(at).second) continue;
            if ((at.done & bit) != 0) { // the others can as well take effect later
                at.done &= ~bit;
                after.insert(at);
                continue;
            }
            for (std::uint32_t left = invoked_ & ~at.done; left != 0; left &= left - 1) {
                const auto thread = static_cast<std::size_t>(std::countr_zero(left));
                if (const auto value = apply(*under_way_[thread], at.value, loss_))
                    open.push_back({*value, at.done | 1U << thread});
            }
        }
        invoked_ &= ~bit;
        reached_ = std::move(after);
        return !reached_.empty();
    }

private:
    const Loss loss_;
    std::array<const Operation*, most_threads> under_way_{};
    std::uint32_t invoked_ = 0;
    std::set<Reached> reached_{Reached{}};
};

} // namespace

std::ostream& operator<<(std::ostream& out, const Operation& operation) {
    out << "thread " << operation.thread << " from " << operation.invoked << " to " << operation.responded << ": ";
    switch (operation.kind) {
    case Kind::get:
        return operation.value == 0 ? out << "get, a miss" : out << "get of " << operation.value;
    case Kind::put:
        return out << "put of " << operation.value;
    case Kind::erase:
        return out << "erase, " << (operation.was_there ? "was there" : "was not there");
    case Kind::clear:
        return out << "clear";
    }
    return out;
}

std::optional<Operation> not_linearizable(std::span<const Operation> history, Loss loss) {
    struct Event {
        std::uint64_t time;
        const Operation* operation;
    };
    std::vector<Event> events;
    events.reserve(history.size() * 2);
    for (const Operation& operation : history) {
        events.push_back({operation.invoked, &operation});
        events.push_back({operation.responded, &operation});
    }
    std::ranges::sort(events, {}, &Event::time);
    Search search(loss);
    for (const auto& [time, operation] : events) {
        if (time == operation->invoked)
            search.invoke(*operation);
        else if (!search.respond(*operation))
            return *operation;
    }
    return std::nullopt;
}

} // namespace tiercel::memory::test
