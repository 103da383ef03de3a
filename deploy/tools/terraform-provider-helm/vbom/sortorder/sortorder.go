// Package sortorder stands in for a module whose address is gone. The provider sorts names in a
// description with it, for which plain order does.
package sortorder

// NaturalLess says whether the first name comes before the second one.
func NaturalLess(first, second string) bool { return first < second }

// Natural is a list of names to be sorted.
type Natural []string

func (names Natural) Len() int { return len(names) }

func (names Natural) Swap(one, other int) { names[one], names[other] = names[other], names[one] }

func (names Natural) Less(one, other int) bool { return NaturalLess(names[one], names[other]) }
