//! A module declares what its kernel says: the host binds and writes by that.

use naga::{AddressSpace, ScalarKind, StorageAccess, TypeInner};

use crate::modules::{Linked, modules};

/// A module's bindings: number, name and how it is reached.
fn bindings(module: &naga::Module) -> Vec<(u32, String, AddressSpace)> {
    let mut bindings: Vec<_> = module
        .global_variables
        .iter()
        .filter_map(|(_, variable)| {
            let binding = variable.binding?;
            assert_eq!(binding.group, 0, "all is in group 0");
            Some((binding.binding, variable.name.clone().expect("a binding has a name"), variable.space))
        })
        .collect();
    bindings.sort_by_key(|(binding, ..)| *binding);
    bindings
}

#[test]
fn bindings_are_those_of_the_kernel() {
    let read = AddressSpace::Storage { access: StorageAccess::LOAD };
    let write = AddressSpace::Storage { access: StorageAccess::LOAD | StorageAccess::STORE };
    for linked in modules() {
        let own = [("params", AddressSpace::Uniform), ("output", write)];
        let inputs = linked.kernel.inputs.iter().map(|&input| (input, read));
        let expected: Vec<_> =
            (0..).zip(own.into_iter().chain(inputs)).map(|(at, (name, space))| (at, name.to_owned(), space)).collect();
        assert_eq!(bindings(&linked.module), expected, "{}", linked.name());
    }
}

/// A uniform's fields: name, offset, and that it is one 32-bit number.
fn params(linked: &Linked) -> (Vec<(String, u32)>, u32) {
    let module = &linked.module;
    let (_, uniform) = module
        .global_variables
        .iter()
        .find(|(_, variable)| variable.space == AddressSpace::Uniform)
        .expect("a kernel has params");
    let TypeInner::Struct { members, span } = &module.types[uniform.ty].inner else {
        panic!("{}: params are a struct", linked.name())
    };
    let fields = members.iter().map(|member| {
        let scalar = module.types[member.ty].inner.scalar().expect("a field is a number");
        assert!(matches!(module.types[member.ty].inner, TypeInner::Scalar(_)) && scalar.width == 4);
        assert!(matches!(scalar.kind, ScalarKind::Uint | ScalarKind::Float));
        (member.name.clone().expect("a field has a name"), member.offset)
    });
    (fields.collect(), *span)
}

#[test]
fn params_are_laid_out_as_the_host_writes_them() {
    for linked in modules() {
        let expected: Vec<_> =
            (0..).step_by(4).zip(linked.kernel.params).map(|(at, &name)| (name.to_owned(), at)).collect();
        let (fields, span) = params(&linked);
        assert_eq!(fields, expected, "{}", linked.name());
        assert_eq!(span as usize, 4 * linked.kernel.params.len(), "{}", linked.name());
    }
}
