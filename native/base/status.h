// Outcome of an operation that can fail: a stable code, the stage, libav's error number and a message.
// Value types, no thread affinity; the codes are spelled the same as ErrorCode in lib/errors.ts.
#pragma once

#include <cstdint>
#include <exception>
#include <string>
#include <utility>
#include <variant>

namespace headend {

enum class Code {
  kOk,
  kInvalidOptions,
  kSourceNotFound,
  kSourceDenied,
  kSourceInvalid,
  kSourceTimeout,
  kSourceEnded,
  kSourceDamaged,
  kDecodeFailed,
  kDeviceFailed,
  kEncodeFailed,
  kEngineBusy,
  kEngineStopped,
  kEngineFailed,
};

enum class Stage { kEngine, kSchedule, kOpen, kProbe, kDemux, kDecode, kNormalise, kEncode, kMux };

/** The code as TypeScript spells it, for example `SOURCE_NOT_FOUND`. */
const char* to_string(Code code);
/** The stage as TypeScript spells it, for example `decode`. */
const char* to_string(Stage stage);

class [[nodiscard]] Status {
 public:
  Status() = default;
  Status(Code code, Stage stage, std::string message, int averror = 0)
      : code_(code), stage_(stage), averror_(averror), message_(std::move(message)) {}

  /** A status for a failed libav call: `what`, the error's text and this thread's last libav log line. */
  static Status from_av(Code code, Stage stage, int averror, const std::string& what);
  /** Like `from_av` for a failed open or read of a source: picks the SOURCE_* code from the error number. */
  static Status from_source(Stage stage, int averror, const std::string& what);
  static Status stopped(Stage stage) { return {Code::kEngineStopped, stage, "the producer was stopped"}; }

  bool ok() const { return code_ == Code::kOk; }
  Code code() const { return code_; }
  Stage stage() const { return stage_; }
  int averror() const { return averror_; }
  const std::string& message() const { return message_; }

 private:
  Code code_ = Code::kOk;
  Stage stage_ = Stage::kEngine;
  int averror_ = 0;
  std::string message_;
};

/** Either a value or the status that says why there is none. */
template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::move(value)) {}            // NOLINT: implicit on purpose
  Result(Status status) : state_(std::move(status)) {}     // NOLINT: implicit on purpose

  bool ok() const { return std::holds_alternative<T>(state_); }
  const Status& status() const { return std::get<Status>(state_); }
  T& value() { return std::get<T>(state_); }
  T take() { return std::move(std::get<T>(state_)); }

 private:
  std::variant<T, Status> state_;
};

/** Runs `work` for a thread that must not throw: an exception (memory, threads) becomes its status. */
template <typename Work>
auto guarded(Stage stage, Work&& work) -> decltype(work()) {
  try {
    return work();
  } catch (const std::exception& error) {
    return Status(Code::kEngineFailed, stage, error.what());
  }
}

}  // namespace headend
