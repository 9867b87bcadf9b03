#include "memory/slabs.hpp"

#include "memory/adaptive_mutex.hpp"

#include <tiercel/detail/entry.hpp>

#include <sys/mman.h>

#include <memory>
#include <new>
#include <utility>

namespace tiercel::memory {
namespace {

/// Sanitizers see more if each block is an allocation.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool is_sanitized = true;
#elif defined(__has_feature)
constexpr bool is_sanitized = __has_feature(address_sanitizer) || __has_feature(thread_sanitizer);
#else
constexpr bool is_sanitized = false;
#endif

/// Memory of so many bytes, aligned to as many; null if there is none.
void* map_aligned(std::size_t bytes) noexcept {
    void* const twice = ::mmap(nullptr, 2 * bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (twice == MAP_FAILED) return nullptr;
    char* const begin = static_cast<char*>(twice);
    const auto before = (bytes - reinterpret_cast<std::uintptr_t>(twice) % bytes) % bytes;
    if (before != 0) (void)::munmap(begin, before);
    (void)::munmap(begin + before + bytes, bytes - before);
    return begin + before;
}

} // namespace

/// At the start of its memory. Guarded by its depot's mutex.
struct Slabs::Slab {
    using Hook = boost::intrusive::list_member_hook<boost::intrusive::link_mode<boost::intrusive::normal_link>>;

    explicit Slab(std::size_t block_bytes) noexcept
        : untouched(reinterpret_cast<char*>(this) + first_block),
          end(untouched + (slab_bytes - first_block) / block_bytes * block_bytes) {}

    static Slab& of(Block* block) noexcept {
        const auto within = reinterpret_cast<std::uintptr_t>(block) % slab_bytes;
        return *reinterpret_cast<Slab*>(reinterpret_cast<char*>(block) - within);
    }

    bool has_room() const noexcept { return free.first != nullptr || untouched != end; }

    static constexpr std::size_t first_block = 2 * cache_line; ///< behind what stands here

    Hook hook; ///< among those of its depot that have room
    Chain free;
    char* untouched; ///< from here to the end nothing was taken yet
    char* end;
    std::size_t out = 0;
};

static_assert(Slabs::granule >= __STDCPP_DEFAULT_NEW_ALIGNMENT__);

/// The slabs of one size of blocks.
/// Thread safety: all members may be called concurrently.
class Slabs::Depot {
public:
    /// At most so many, and at least one. Errors: throws std::bad_alloc.
    Chain take(std::size_t count, std::size_t block_bytes) {
        const std::lock_guard lock(mutex_);
        Chain taken;
        while (taken.count < count) {
            if (with_room_.empty() && !add(block_bytes)) {
                if (taken.count == 0) throw std::bad_alloc();
                break;
            }
            Slab& slab = with_room_.front();
            if (&slab == spare_) spare_ = nullptr;
            while (taken.count < count && slab.has_room()) {
                if (slab.free.first != nullptr) {
                    taken.push(slab.free.pop());
                } else {
                    taken.push(reinterpret_cast<Block*>(std::exchange(slab.untouched, slab.untouched + block_bytes)));
                }
                ++slab.out;
            }
            if (!slab.has_room()) with_room_.pop_front();
        }
        blocks_out_ += taken.count;
        return taken;
    }

    void give(Chain chain) noexcept {
        const std::lock_guard lock(mutex_);
        blocks_out_ -= chain.count;
        while (chain.first != nullptr) {
            Block* const block = chain.pop();
            Slab& slab = Slab::of(block);
            if (!slab.has_room()) with_room_.push_front(slab);
            slab.free.push(block);
            if (--slab.out == 0) retire(slab);
        }
    }

    Stats stats() const {
        const std::lock_guard lock(mutex_);
        return {slabs_, blocks_out_};
    }

private:
    using List = boost::intrusive::list<Slab, boost::intrusive::member_hook<Slab, Slab::Hook, &Slab::hook>,
                                        boost::intrusive::constant_time_size<false>>;

    bool add(std::size_t block_bytes) noexcept {
        static_assert(sizeof(Slab) <= Slab::first_block);
        void* const memory = map_aligned(slab_bytes);
        if (memory == nullptr) return false;
#ifdef MADV_HUGEPAGE
        (void)::madvise(memory, slab_bytes, slabs_ == 0 ? MADV_NOHUGEPAGE : MADV_HUGEPAGE);
#endif
        with_room_.push_front(*std::construct_at(static_cast<Slab*>(memory), block_bytes));
        ++slabs_;
        return true;
    }

    /// Nothing of it is in use. One such stays, last in turn, lest use that swings about an edge be system calls.
    void retire(Slab& slab) noexcept {
        if (spare_ == nullptr) {
            spare_ = &slab;
            with_room_.splice(with_room_.end(), with_room_, with_room_.iterator_to(slab));
            return;
        }
        with_room_.erase(with_room_.iterator_to(slab));
        if (::munmap(&slab, slab_bytes) == 0) {
            --slabs_;
        } else {
            with_room_.push_back(slab); // the system has no room to note it
        }
    }

    mutable AdaptiveMutex mutex_; ///< guards all
    List with_room_;
    Slab* spare_ = nullptr; ///< a slab of the list of which nothing is in use
    std::size_t slabs_ = 0;
    std::size_t blocks_out_ = 0;
};

/// Lives for ever: blocks may be given back while the process ends, after every other static is gone.
struct Slabs::Depots {
    static Depot& of(std::size_t at) noexcept {
        alignas(Depots) static std::array<std::byte, sizeof(Depots)> place;
        static Depots& depots = *std::construct_at(reinterpret_cast<Depots*>(place.data()));
        return depots.all[at];
    }

    std::array<Depot, classes> all;
};

/// What a thread keeps: nothing before its AtThreadEnd is made, which empties it, and nothing after.
struct Slabs::Magazines {
    std::array<Chain, classes> chains{};
    std::size_t most = 0; ///< in each
    bool is_known = false;
};

constinit thread_local Slabs::Magazines Slabs::mine_;

/// Afterwards this thread takes and gives each block by itself.
struct Slabs::AtThreadEnd {
    ~AtThreadEnd() {
        mine_.most = 0;
        flush();
    }
};

void Slabs::know_this_thread() noexcept {
    if (std::exchange(mine_.is_known, true)) return;
    thread_local const AtThreadEnd at_thread_end;
    (void)at_thread_end;
    mine_.most = 2 * batch;
}

void* Slabs::take(std::size_t bytes) {
    const std::size_t at = class_of(bytes);
    Chain& chain = mine_.chains[at];
    return chain.first != nullptr ? chain.pop() : take_slowly(at);
}

void* Slabs::take_slowly(std::size_t at) {
    know_this_thread();
    Chain& chain = mine_.chains[at];
    chain = Depots::of(at).take(mine_.most == 0 ? 1 : batch, (at + 1) * granule);
    return chain.pop();
}

void Slabs::give(void* block, std::size_t bytes) noexcept {
    const std::size_t at = class_of(bytes);
    Chain& chain = mine_.chains[at];
    if (chain.count >= mine_.most) return give_slowly(block, at);
    chain.push(static_cast<Block*>(block));
}

/// Those given last stay: they are in the CPU's caches.
void Slabs::give_slowly(void* block, std::size_t at) noexcept {
    know_this_thread();
    Chain& chain = mine_.chains[at];
    Chain stay;
    while (chain.count > mine_.most / 2)
        stay.push(chain.pop());
    Depots::of(at).give(std::exchange(chain, stay));
    if (mine_.most != 0) return chain.push(static_cast<Block*>(block));
    Chain alone;
    alone.push(static_cast<Block*>(block));
    Depots::of(at).give(alone);
}

void Slabs::flush() noexcept {
    for (std::size_t at = 0; at < classes; ++at)
        if (mine_.chains[at].first != nullptr) Depots::of(at).give(std::exchange(mine_.chains[at], {}));
}

Slabs::Stats Slabs::stats(std::size_t bytes) {
    return Depots::of(class_of(bytes)).stats();
}

} // namespace tiercel::memory

namespace tiercel::detail {

void* Entry::operator new(std::size_t bytes) {
    if (memory::is_sanitized || bytes > memory::Slabs::largest_block) return ::operator new(bytes);
    return memory::Slabs::take(bytes);
}

void Entry::operator delete(void* block, std::size_t bytes) noexcept {
    if (memory::is_sanitized || bytes > memory::Slabs::largest_block) return ::operator delete(block);
    memory::Slabs::give(block, bytes);
}

/// Of a key or value that wants more than `granule`.
void* Entry::operator new(std::size_t bytes, std::align_val_t alignment) {
    return ::operator new(bytes, alignment);
}

void Entry::operator delete(void* block, std::size_t /*bytes*/, std::align_val_t alignment) noexcept {
    ::operator delete(block, alignment);
}

} // namespace tiercel::detail
