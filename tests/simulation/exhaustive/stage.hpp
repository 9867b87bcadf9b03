#pragma once

#include "../actors.hpp"
#include "../judge/judge.hpp"
#include "../process.hpp"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace tiercel::simulation {

/// A world for a scenario of two or three actors: everything takes no time unless the settings' pace says so, nothing
/// fails unless told, and the chooser decides the order of all that can happen at once.
class Stage {
public:
    Stage(const Settings& settings, testing::VirtualRuntime::Chooser chooser);
    ~Stage();

    Process& process(std::size_t number = 0) { return *processes_[number]; }
    Actors& actors() { return actors_; }
    SourceOfTruth& source() { return source_; }

    /// Does it and what follows from it, in one fixed order.
    void prepare(const std::function<void()>& action);
    /// Does all of them at once, in the order that is chosen, until nothing is left that could happen by `until`.
    void at_once(std::vector<std::function<void()>> actions, nanoseconds until = {});

    /// Does it so much later, at a time that at_once() explores.
    void later(nanoseconds delay, std::function<void()> action) {
        runtime_->call_at(runtime_->now() + delay, std::move(action));
    }
    /// Lets time pass, in one fixed order.
    void wait(nanoseconds duration) { runtime_->advance(duration); }

    /// What was broken, with the whole history; empty if nothing was.
    std::string verdict();

    /// Small, with one server, a writer, and nothing that takes time.
    static Settings settings();

private:
    const Settings settings_;
    bool exploring_ = false;
    const std::shared_ptr<testing::VirtualRuntime> runtime_;
    Recorder recorder_;
    SourceOfTruth source_;
    const Surroundings surroundings_;
    Actors actors_;
    std::unique_ptr<Server> server_;
    std::vector<std::unique_ptr<Process>> processes_;
};

} // namespace tiercel::simulation
