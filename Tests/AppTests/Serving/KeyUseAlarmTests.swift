import Primitives
import Testing

@testable import App

@Suite struct KeyUseAlarmTests {
    private let start = MonotonicTime(nanoseconds: 1_000_000_000)

    private func alarms(_ alarm: KeyUseAlarm, _ uses: Int, by user: String = "u-ada", at now: MonotonicTime) -> Int {
        (0..<uses).filter { _ in alarm.noteUse(by: UserID(user), at: now) }.count
    }

    @Test func `a key used unusually often is told of once in ten minutes (VLT-5)`() {
        let alarm = KeyUseAlarm()
        #expect(alarms(alarm, 599, at: start) == 0)
        #expect(alarms(alarm, 599, by: "u-ben", at: start) == 0, "each user has a count")
        #expect(alarms(alarm, 1, at: start + .seconds(59)) == 1)
        #expect(alarms(alarm, 5000, at: start + .seconds(59)) == 0)
        #expect(alarms(alarm, 5000, at: start + .seconds(300)) == 0)
        #expect(alarms(alarm, 600, at: start + .seconds(660)) == 1)
    }

    @Test func `use that is spread out raises no alarm (VLT-5)`() {
        let alarm = KeyUseAlarm()
        for minute in 0..<20 { #expect(alarms(alarm, 599, at: start + .seconds(Int64(minute) * 60)) == 0) }
    }
}
