// Package sim runs whole clusters of Headrace's cores in one goroutine, on a
// simulated network, disks and clocks, from one seed: the same seed gives the
// same run, event by event. It is for tests only; nothing imports it.
//
// A run draws its faults and its settings from the seed, works under faults for
// a while, heals everything, and must then become live again. Checkers watch
// what clients were told and what every node has applied. Counters of the
// interesting states ("sometimes") show that the runs reach them, and planted
// bugs show that the checkers can fail.
//
// A failure is shrunk to the fewest faults that make the run fail, and prints how
// to repeat it.
//
//	make sim SEED=7           one seed, twice; the traces must be equal
//	make sim SEED=7 FAULTS=3,8  the same with these of its faults alone
//	SIM_SECONDS=600 make sim  new seeds for ten minutes
package sim
