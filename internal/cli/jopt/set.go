package jopt

import "strconv"

// Has says whether the option was on the command line. It panics for a name that the parser does not know: that is a
// mistake in the command, not in its use.
func (s *Set) Has(name string) bool {
	_, ok := s.found[s.option(name)]
	return ok
}

// HasArgument says whether the option was given with a value.
func (s *Set) HasArgument(name string) bool { return len(s.found[s.option(name)]) > 0 }

// Rest returns the words that belong to no option.
func (s *Set) Rest() []string { return s.rest }

// Order returns the main names of the options in the order of the command line, each as often as it is there.
func (s *Set) Order() []string {
	var names []string
	for _, o := range s.order {
		names = append(names, o.Name())
	}
	return names
}

// Values returns all values of the option, in order, or its defaults.
func (s *Set) Values(name string) []string {
	o := s.option(name)
	if v := s.found[o]; len(v) > 0 {
		return v
	}
	return o.Defaults
}

// Value returns the option's only value, or its default, or "". Several values are an error; so is one that is not
// of the option's type.
func (s *Set) Value(name string) (string, error) {
	o := s.option(name)
	values := s.Values(name)
	switch {
	case len(values) == 0:
		return "", nil
	case len(values) > 1:
		return "", severalArguments(o)
	case !o.converts(values[0]):
		return "", badArgument(o, values[0])
	}
	return values[0], nil
}

// Int returns the value of an option of type Short, Integer or Long; zero if it is absent and has no default.
func (s *Set) Int(name string) (int64, error) {
	v, err := s.Value(name)
	if err != nil || v == "" {
		return 0, err
	}
	n, err := strconv.ParseInt(v, 10, 64)
	if err != nil {
		return 0, badArgument(s.option(name), v)
	}
	return n, nil
}

// Float returns the value of an option of type Double; zero if it is absent and has no default.
func (s *Set) Float(name string) (float64, error) {
	v, err := s.Value(name)
	if err != nil || v == "" {
		return 0, err
	}
	f, err := strconv.ParseFloat(v, 64)
	if err != nil {
		return 0, badArgument(s.option(name), v)
	}
	return f, nil
}

// Option returns the option of that name. It panics for an unknown one.
func (s *Set) Option(name string) *Option { return s.option(name) }

func (s *Set) option(name string) *Option {
	o := s.byName[name]
	if o == nil {
		panic("jopt: the command has no option " + name)
	}
	return o
}
