#include "support/heap.hpp"

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <malloc.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define TIERCEL_HEAP_IS_SANITIZED
#endif
#elif defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define TIERCEL_HEAP_IS_SANITIZED
#endif

#ifdef TIERCEL_HEAP_IS_SANITIZED

extern "C" std::size_t __sanitizer_get_current_allocated_bytes(); // GCC comes without the header of it

namespace tiercel::test::heap {

std::size_t bytes() noexcept {
    return __sanitizer_get_current_allocated_bytes();
}
std::size_t most_bytes() noexcept {
    return bytes();
}
void watch() noexcept {}

} // namespace tiercel::test::heap

#else

namespace tiercel::test::heap {
namespace {

// May wrap below zero for a moment: what was there before the counting began is given back too.
std::atomic<std::intptr_t> in_use{0};
std::atomic<std::intptr_t> most{0};

void took(std::size_t size) noexcept {
    const auto now = in_use.fetch_add(static_cast<std::intptr_t>(size), std::memory_order_relaxed) +
                     static_cast<std::intptr_t>(size);
    auto before = most.load(std::memory_order_relaxed);
    while (now > before && !most.compare_exchange_weak(before, now, std::memory_order_relaxed)) {
    }
}

void gave_back(std::size_t size) noexcept {
    in_use.fetch_sub(static_cast<std::intptr_t>(size), std::memory_order_relaxed);
}

std::size_t positive(std::intptr_t bytes) noexcept {
    return bytes > 0 ? static_cast<std::size_t>(bytes) : 0;
}

} // namespace

std::size_t bytes() noexcept {
    return positive(in_use.load());
}
std::size_t most_bytes() noexcept {
    return positive(most.load());
}
void watch() noexcept {
    most.store(in_use.load());
}

} // namespace tiercel::test::heap

namespace heap = tiercel::test::heap;

// glibc lets a program have its own malloc, and offers its own under these names.
extern "C" {

void* __libc_malloc(std::size_t size);
void* __libc_calloc(std::size_t count, std::size_t size);
void* __libc_realloc(void* block, std::size_t size);
void* __libc_memalign(std::size_t alignment, std::size_t size);
void __libc_free(void* block);

void* malloc(std::size_t size) noexcept {
    void* const block = __libc_malloc(size);
    heap::took(malloc_usable_size(block));
    return block;
}
void* calloc(std::size_t count, std::size_t size) noexcept {
    void* const block = __libc_calloc(count, size);
    heap::took(malloc_usable_size(block));
    return block;
}
void* realloc(void* block, std::size_t size) noexcept {
    const std::size_t before = malloc_usable_size(block);
    void* const grown = __libc_realloc(block, size);
    if (grown == nullptr && size != 0) return nullptr; // the old one is still there
    heap::gave_back(before);
    heap::took(malloc_usable_size(grown));
    return grown;
}
void* memalign(std::size_t alignment, std::size_t size) noexcept {
    void* const block = __libc_memalign(alignment, size);
    heap::took(malloc_usable_size(block));
    return block;
}
void* aligned_alloc(std::size_t alignment, std::size_t size) noexcept {
    return memalign(alignment, size);
}
int posix_memalign(void** block, std::size_t alignment, std::size_t size) noexcept {
    *block = memalign(alignment, size);
    return *block == nullptr && size != 0 ? ENOMEM : 0;
}
void free(void* block) noexcept {
    heap::gave_back(malloc_usable_size(block));
    __libc_free(block);
}

} // extern "C"

#endif
