#pragma once

#include <mutex>

namespace tiercel::memory {

/// A mutex for critical sections shorter than going to sleep and being woken: who finds it held looks again for about a
/// microsecond before it sleeps.
class AdaptiveMutex {
public:
    void lock() {
        for (int looks = 0; looks < most_looks; ++looks) {
            if (mutex_.try_lock()) return;
            pause();
        }
        mutex_.lock();
    }
    bool try_lock() { return mutex_.try_lock(); }
    void unlock() { mutex_.unlock(); }

private:
    static constexpr int most_looks = 50;

    static void pause() noexcept {
#if defined(__x86_64__) || defined(__i386__)
        __builtin_ia32_pause();
#elif defined(__aarch64__)
        asm volatile("yield");
#endif
    }

    std::mutex mutex_;
};

} // namespace tiercel::memory
