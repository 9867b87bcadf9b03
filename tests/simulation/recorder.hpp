#pragma once

#include "history.hpp"

#include <tiercel/testing/virtual_runtime.hpp>

#include <memory>
#include <string>
#include <utility>

namespace tiercel::simulation {

/// Writes the history of one run down, and gives each event its place in it.
/// Thread safety: none; the run has one thread.
class Recorder {
public:
    Recorder(std::shared_ptr<testing::VirtualRuntime> runtime, std::uint64_t seed)
        : runtime_(std::move(runtime)), start_(runtime_->now()) {
        history_.seed = seed;
    }

    Moment now() { return {++history_.events, runtime_->now() - start_}; }
    SteadyTime start() const noexcept { return start_; }
    void note(std::string text) { history_.notes.push_back({now(), std::move(text)}); }

    History& history() noexcept { return history_; }
    Operation& operation(std::size_t index) { return history_.operations[index]; }
    Birth& birth(std::size_t index) { return history_.births[index]; }
    ServerCall& server_call(std::size_t index) { return history_.server_calls[index]; }

    std::size_t add(Operation operation) {
        history_.operations.push_back(std::move(operation));
        return history_.operations.size() - 1;
    }
    std::size_t add(const Birth& birth) {
        history_.births.push_back(birth);
        return history_.births.size() - 1;
    }
    std::size_t add(const ServerCall& call) {
        history_.server_calls.push_back(call);
        return history_.server_calls.size() - 1;
    }

private:
    std::shared_ptr<testing::VirtualRuntime> runtime_;
    const SteadyTime start_;
    History history_;
};

} // namespace tiercel::simulation
