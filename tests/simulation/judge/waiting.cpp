#include "case_file.hpp"

#include <algorithm>

namespace tiercel::simulation {

namespace {

/// Whether a call of the loader for this key was under way at `when`, within its time.
bool is_loading(const CaseFile& file, std::size_t life, Key key, nanoseconds when) {
    for (const auto index : file.births(life, key)) {
        const auto& birth = file.history.births[index];
        if (birth.kind != Birth::Kind::load || birth.begin.at > when) continue;
        if ((!birth.end || birth.end.at >= when) && birth.deadline >= when) return true;
    }
    return false;
}

/// Whether as many calls of loader and writer were under way as may be: a load then waits for its turn.
bool is_busy(const CaseFile& file, std::size_t life, nanoseconds when) {
    std::size_t running = 0;
    for (const auto index : file.births(life)) {
        const auto& birth = file.history.births[index];
        if (birth.begin.at <= when && (!birth.end || birth.end.at >= when)) ++running;
    }
    return running >= file.history.lives[life].max_concurrent;
}

/// How long the tiers, and other processes' leases, may keep a lookup from the source.
nanoseconds patience_before_the_source(const CaseFile& file, const Life& life, std::size_t number) {
    const auto tiers = file.tier_patience(number);
    // Asked, the lease not got, waited, asked again.
    return life.lease_ttl > nanoseconds::zero() ? 4 * tiers + life.lease_wait : tiers;
}

/// A read that gave up at its deadline must have been waiting for something.
void judge_patience(CaseFile& file, std::size_t index, Key key) {
    const auto& operation = file.history.operations[index];
    const auto waited = operation.end.at - operation.begin.at - operation.delay;
    const auto& life = file.history.lives[operation.life];
    if (waited <= patience_before_the_source(file, life, operation.life)) return;
    if (operation.act == Act::get_or_load) {
        // At any time since the tiers must have had their say: what was waited for may be answered at this very moment.
        const auto when = operation.end.at;
        if (is_loading(file, operation.life, key, when) || is_busy(file, operation.life, when)) return;
    }
    file.report(operation.act == Act::get ? 6 : 2,
                file.name(index) + " waited for k" + std::to_string(key) +
                    " until its deadline, though nothing that it could wait for was under way any more");
}

/// A read that was told that the loader timed out: at that time a flight of the key must have come to its end.
void judge_source_timeout(CaseFile& file, std::size_t index, Key key) {
    const auto& operation = file.history.operations[index];
    const auto& life = file.history.lives[operation.life];
    const auto began = operation.end.at - life.source_timeout;
    bool any = false;
    for (const auto other : file.operations(operation.life, key)) {
        const auto& candidate = file.history.operations[other];
        const bool loads =
            candidate.act == Act::get_or_load || candidate.act == Act::prime || candidate.act == Act::put;
        any = any || (loads && candidate.begin.at <= began && (!candidate.end || candidate.end.at >= began));
    }
    if (operation.end.at <= operation.begin.at + operation.delay) {
        file.report(2, file.name(index) + " was told at once that the source timed out for k" + std::to_string(key) +
                           ": it joined a load whose time was over");
        return;
    }
    if (!any) {
        file.report(9, file.name(index) + " was told that the source timed out for k" + std::to_string(key) +
                           ", but nobody had asked it that long ago");
        return;
    }
    // What timed out must have been called, or have waited for its turn, or the tiers took all the time there was.
    if (patience_before_the_source(file, life, operation.life) >= life.source_timeout) return;
    const auto& births = file.births(operation.life, key);
    const bool called = std::any_of(births.begin(), births.end(), [&](std::size_t number) {
        const auto& birth = file.history.births[number];
        return birth.begin.at <= operation.end.at && (!birth.end || birth.end.at >= operation.end.at);
    });
    if (!called && !is_busy(file, operation.life, operation.end.at)) {
        file.report(2, file.name(index) + " was told that the source timed out for k" + std::to_string(key) +
                           ", which had never been asked");
    }
}

} // namespace

void judge_waiting(CaseFile& file) {
    const auto& operations = file.history.operations;
    for (std::size_t i = 0; i < operations.size(); ++i) {
        const auto& operation = operations[i];
        const auto deadline = operation.begin.at + operation.timeout;
        if (!operation.end) {
            file.report(8, file.name(i) + " never ended; its deadline was at " + text_of({0, deadline}));
            continue;
        }
        if (operation.end.at > deadline) {
            file.report(8, file.name(i) + " ended after its deadline, which was at " + text_of({0, deadline}));
        }
        const bool reads = operation.act == Act::get || operation.act == Act::get_or_load;
        if (!reads && operation.act != Act::put) continue;
        for (std::size_t k = 0; k < operation.results.size(); ++k) {
            const auto& result = operation.results[k];
            if (result.kind != KeyResult::Kind::error || result.code != Errc::timeout) continue;
            const bool own = result.text.find("CallOptions::timeout") != std::string::npos ||
                             result.text.find("could not finish the write") != std::string::npos;
            if (own && operation.end.at < deadline - std::chrono::milliseconds(10) && !operation.keys.empty()) {
                file.report(9, file.name(i) + " was told that its time was over before it was");
            } else if (own && reads) {
                judge_patience(file, i, operation.keys[k]);
            } else if (result.text.find("TimeoutOptions::source") != std::string::npos) {
                // Of a batch one cannot tell when it was.
                if (reads && operation.keys.size() == 1) judge_source_timeout(file, i, operation.keys[k]);
            } else if (!own && operation.strictness != Strictness::strict) {
                file.report(6, file.name(i) + " was told " + result.text + ": a tier's failure is not its caller's");
            }
        }
    }
}

} // namespace tiercel::simulation
