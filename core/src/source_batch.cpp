#include <tiercel/detail/source_batch.hpp>

#include <exception>

namespace tiercel::detail {

SourceBatch::SourceBatch(Work work, Errc thrown, OnSettled on_settled, std::function<void(std::size_t)> on_late)
    : work_(std::move(work)),
      thrown_(thrown),
      on_settled_(std::move(on_settled)),
      on_late_(std::move(on_late)),
      settled_(work_.entries.size()) {}

void SourceBatch::done(std::size_t index, LoadFacts facts) {
    if (settle(index)) {
        on_settled_(index, facts);
    } else if (on_late_) {
        on_late_(index);
    }
}

void SourceBatch::failed(std::size_t index, Error error) {
    if (settle(index)) on_settled_(index, std::move(error));
}

void SourceBatch::fail_rest(const Error& error) {
    for (std::size_t i = 0; i < size(); ++i)
        failed(i, error);
}

void SourceBatch::threw(std::size_t index) {
    failed(index, thrown_error());
}

void SourceBatch::all_threw() {
    fail_rest(thrown_error());
}

bool SourceBatch::settle(std::size_t index) {
    const std::lock_guard lock(mutex_);
    if (settled_[index]) return false;
    settled_[index] = true;
    return true;
}

Error SourceBatch::thrown_error() const {
    const std::string who = thrown_ == Errc::writer_failed ? "the writer threw: " : "the loader threw: ";
    try {
        throw;
    } catch (const std::exception& error) {
        return Error(thrown_, who + error.what());
    } catch (...) {
        return Error(thrown_, who + "something that is no std::exception");
    }
}

} // namespace tiercel::detail
