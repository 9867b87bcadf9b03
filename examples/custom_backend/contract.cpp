// Does my backend do what the cache expects of one? The suite that ours pass says so: one test for each expectation.

#include "file_backend.hpp"

#include "support/temp_dir.hpp"

#include <tiercel/testing/backend_contract.hpp>

namespace {

class FileFixture final : public tiercel::testing::BackendFixture {
public:
    std::shared_ptr<tiercel::spi::Backend> backend() override {
        return example::file_backend(directory_.path()).value();
    }

private:
    tiercel::test::TempDir directory_;
};

const auto registered = tiercel::testing::register_backend_contract<FileFixture>("FileBackend");

} // namespace
